//go:build linux || darwin

package main

import "syscall"

// freeBytes is what the file system of a directory has left for this user.
func freeBytes(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false // creating the file says what is wrong
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
