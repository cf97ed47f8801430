package servertest

func reactors() []string { return []string{"epoll", "evio"} }
