package servertest

// Which reactors this system has: Linux runs both, the others only the portable one.

func reactors() []string { return []string{"epoll", "evio"} }
