"""rosbag2 in, rosbag2 out, without ROS."""
