"""The live nodes. Everything that knows ROS is here."""
