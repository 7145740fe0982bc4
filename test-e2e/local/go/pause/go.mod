module dynakv.dev/test-e2e/pause

go 1.25
