"""Parameter files as robots have them: several nodes, wildcards, dots, nesting, ROS's own names; and damaged ones."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.runtime.picture_graph import Description

OURS = "ros__parameters: {stereo: {num_disparities: 64}}"
CAMERA = "/camera/camera:\n  ros__parameters: {enable_sync: true, depth_module: {depth_profile: 848x480x30}}\n"


def read(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    return Parameters.from_yaml(tmp_path / "p.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "stereo: {num_disparities: 64}",
        "stereo.num_disparities: 64",
        f"/**:\n  {OURS}",
        f"'**':\n  {OURS}",
        f"/*:\n  {OURS}",
        f"object_depth:\n  {OURS}",
        f"/object_depth:\n  {OURS}",
        f"/robot/left_arm/object_depth:\n  {OURS}",
        f"/robot/**:\n  {OURS}",
        f"robot:\n  left_arm:\n    object_depth:\n      {OURS}",
        f"/**:\n  object_depth:\n    {OURS}",
        f"/my_own_name:\n  {OURS}",
        f"{CAMERA}/object_depth:\n  {OURS}",
        f"/object_depth:\n  {OURS}\n{CAMERA}",
        "/**:\n  ros__parameters: {stereo.num_disparities: 64}",
        "/**:\n  ros__parameters: {use_sim_time: true, stereo: {num_disparities: 64}}",
        "/**:\n  ros__parameters: {qos_overrides: {/points: {publisher: {depth: 1}}}, stereo.num_disparities: 64}",
        "/**:\n  ros__parameters: {stereo: {num_disparities: 32}}\nobject_depth:\n  " + OURS,
        "/**:\n  ros__parameters: {use_sim_time: true}\nobject_depth:\n  " + OURS,
    ],
)
def test_the_section_of_this_node_is_found(tmp_path, text):
    assert read(tmp_path, text) == Parameters.model_validate({"stereo": {"num_disparities": 64}})


def test_sections_add_up_name_by_name(tmp_path):
    text = "/**:\n  ros__parameters: {stereo: {num_disparities: 32, block_size: 7}}\nobject_depth:\n  " + OURS
    stereo = read(tmp_path, text).stereo
    assert (stereo.num_disparities, stereo.block_size) == (64, 7)


@pytest.mark.parametrize("text", ["", "# nothing\n", "/**:\n  ros__parameters:\n", "{}"])
def test_nothing_is_the_defaults(tmp_path, text):
    assert read(tmp_path, text) == Parameters()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CAMERA + "/rviz:\n  ros__parameters: {a: 1}", r"no parameters for object_depth: .* for /camera/camera, /rviz"),
        ("/**:\n  ros__parameters: {stereo: {nonsense: 1}}", r"stereo\.nonsense: there is no such entry"),
        ("stereo: 3\nstereo.block_size: 5", r"stereo\.block_size is in stereo, which is a value"),
        ("- 1\n- 2", "found list, not names with values"),
        ("just words", "found str, not names"),
        ("a: [1, 2", r"line 1, column 9: expected ',' or '\]'"),
        ("a: 2001-13-45", "ValueError: month must be in"),
        ("a: " + "[" * 700 + "]" * 700, "RecursionError"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: \x00", "special characters are not allowed"),
        ("<<: 3", "cannot read parameters from .*mapping"),
        ("? [1, 2]\n: 3", "bad parameters|unhashable"),
        ("a: &a [*a]", "aliases"),
        ("a: &a {b: *a}", "aliases"),
        ("1: 2", "bad parameters in .*1: there is no such entry"),
        ("null: 2", "bad parameters in .*None: there is no such entry"),
        ("stereo: {num_disparities: .nan}", r"stereo\.num_disparities"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_says_what_was_found(tmp_path, text, said):
    with pytest.raises(BadInput, match=said) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)
    assert str(tmp_path / "p.yaml") in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00a", b"\x80\x81", b"a" * (2**20 + 1)])
@pytest.mark.parametrize("kind", [Parameters, Description])
def test_bytes_that_are_no_text_and_files_without_end(tmp_path, content, kind):
    (tmp_path / "p.yaml").write_bytes(content)
    with pytest.raises(BadInput, match="cannot read .* from .*p.yaml: "):
        kind.from_yaml(tmp_path / "p.yaml")
    with pytest.raises(BadInput, match="Is a directory"):
        kind.from_yaml(tmp_path)


def test_thousands_of_damaged_files_give_one_error_or_parameters(tmp_path):
    """Seeded: single bytes of a good file changed, cut out or doubled."""
    rng = np.random.default_rng(0)
    good = b"/**:\n  ros__parameters:\n    stereo: {num_disparities: 64, block_size: 5}\n    topics.labels: '/l'\n"
    refused = 0
    for _ in range(2000):
        content = bytearray(good)
        for _ in range(rng.integers(1, 5)):
            place = int(rng.integers(len(content)))
            kind = rng.integers(3)
            if kind == 0:
                content[place] = int(rng.integers(256))
            elif kind == 1:
                del content[place]
            else:
                content[place:place] = content[place : place + 9]
        (tmp_path / "p.yaml").write_bytes(content)
        try:
            Parameters.from_yaml(tmp_path / "p.yaml")
        except BadInput as error:
            refused += "\n" not in str(error)
    assert 500 < refused < 2000
