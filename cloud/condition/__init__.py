"""What readings say of equipment and of the sensors themselves: NumPy over columns. Pure."""
