"""What people see: rich only. stdout is data, stderr is talk."""
