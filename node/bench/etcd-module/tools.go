//go:build tools

// Package etcd pins the programs that the benchmark compares with.
package etcd

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "go.etcd.io/etcd/v3/tools/benchmark"
)
