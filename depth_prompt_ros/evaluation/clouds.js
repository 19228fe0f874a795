// Clouds that turn: drag, wheel or arrow keys; all of one frame turn together. Plain canvas with a depth buffer.
document.querySelectorAll(".clouds").forEach(async (group) => {
  const data = JSON.parse(group.querySelector("script").textContent);
  const picture = new Image();
  picture.src = data.colours;
  await picture.decode();
  const sheet = Object.assign(document.createElement("canvas"), { width: data.width, height: data.height });
  const paper = sheet.getContext("2d");
  paper.drawImage(picture, 0, 0);
  const rgba = new Uint32Array(paper.getImageData(0, 0, data.width, data.height).data.buffer);
  const [fx, fy, cx, cy] = data.camera;
  const views = [...group.querySelectorAll("canvas")].map((canvas, number) => {
    const bytes = Uint8Array.from(atob(data.depths[number]), (letter) => letter.charCodeAt(0));
    const depths = new Uint16Array(bytes.buffer);
    const points = [];
    const colours = [];
    depths.forEach((steps, pixel) => {
      if (!steps) return;
      const z = steps * data.step;
      const x = (((pixel % data.width) - cx) / fx) * z;
      const y = ((Math.floor(pixel / data.width) - cy) / fy) * z;
      points.push(x - data.middle[0], y - data.middle[1], z - data.middle[2]);
      colours.push(rgba[pixel]);
    });
    return { canvas, points: new Float32Array(points), colours: new Uint32Array(colours) };
  });
  const start = { yaw: -0.5, pitch: 0.3, zoom: 1 };
  const state = { ...start };

  function draw({ canvas, points, colours }) {
    const size = 480;
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    const image = context.createImageData(size, size);
    const pixels = new Uint32Array(image.data.buffer).fill(0xffffffff);
    const buffer = new Float32Array(size * size).fill(Infinity);
    const [sy, cy_, sp, cp] = [Math.sin(state.yaw), Math.cos(state.yaw), Math.sin(state.pitch), Math.cos(state.pitch)];
    const eye = 4 * data.radius;
    const scale = (size / 2) * 4 * state.zoom;
    const dot = Math.max(2, Math.ceil((scale / eye) * (Math.hypot(...data.middle) / fx) * 1.3));
    for (let i = 0; i < colours.length; i++) {
      const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
      const across = cy_ * x + sy * z;
      const deep = cy_ * z - sy * x;
      const down = cp * y - sp * deep;
      const away = sp * y + cp * deep + eye;
      if (away < 0.05 * eye) continue;
      const left = Math.round(size / 2 + (scale * across) / away - dot / 2);
      const top = Math.round(size / 2 + (scale * down) / away - dot / 2);
      for (let v = Math.max(top, 0); v < Math.min(top + dot, size); v++) {
        for (let u = Math.max(left, 0); u < Math.min(left + dot, size); u++) {
          if (away >= buffer[v * size + u]) continue;
          buffer[v * size + u] = away;
          pixels[v * size + u] = colours[i];
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      views.forEach(draw);
    });
  }
  function turn(yaw, pitch, factor = 1) {
    state.yaw += yaw;
    state.pitch = Math.min(1.5, Math.max(-1.5, state.pitch + pitch));
    state.zoom = Math.min(8, Math.max(0.3, state.zoom * factor));
    redraw();
  }
  views.forEach(({ canvas }) => {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) turn(-event.movementX * 0.01, event.movementY * 0.01);
    });
    canvas.addEventListener("dblclick", () => {
      Object.assign(state, start);
      redraw();
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      turn(0, 0, Math.exp(-event.deltaY * 0.001));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
      const zooms = { "+": 1.15, "-": 1 / 1.15 };
      if (!steps[event.key] && !zooms[event.key]) return;
      event.preventDefault();
      turn(...(steps[event.key] || [0, 0]), zooms[event.key]);
    });
  });
  redraw();
});
