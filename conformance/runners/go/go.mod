module decibill/runner

go 1.19
