//go:build tools

// Names the program that the chart tests run, so that go.mod and go.sum fix its version. Nothing
// here is ever compiled.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
