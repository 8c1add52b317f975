"""GB/T 26875.3-2011: what fire transmitters (用户信息传输装置) tell a monitoring centre."""
