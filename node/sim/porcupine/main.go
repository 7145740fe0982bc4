// Judges histories of single-key operations with porcupine, a linearizability checker that knows
// nothing of this project. Each argument is a file of JSON lines, an operation a line, in the field
// names of porcupine's own Operation; the answer is a line for each file: its name and the verdict.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// Longest search for one file; beyond it the verdict is "undecided".
const timeMax = 60 * time.Second

// Longest line: one operation with its value.
const lineBytesMax = 1 << 20

type condition struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
	Value   string `json:"value"`
}

type input struct {
	Kind      string     `json:"kind"`
	Key       string     `json:"key"`
	Value     string     `json:"value"`
	Condition *condition `json:"condition"`
}

type output struct {
	Kind    string `json:"kind"`
	Value   string `json:"value"`
	Version string `json:"version"`
	Created *bool  `json:"created"`
}

type operation struct {
	ClientId int
	Input    input
	Call     int64
	Output   output
	Return   int64
}

// A row: its value, or that there is none.
type state struct {
	present bool
	value   string
}

// The versions that answers named, and the value that each stands for: of one key.
type versions map[string]string

func holds(row state, wanted *condition, known versions) bool {
	if wanted == nil {
		return true
	}
	switch wanted.Kind {
	case "exists":
		return row.present
	case "absent":
		return !row.present
	case "value":
		return row.present && row.value == wanted.Value
	default:
		value, named := known[wanted.Version]
		return named && row.present && row.value == value
	}
}

func after(row state, asked input) state {
	if asked.Kind == "put" {
		return state{present: true, value: asked.Value}
	}
	return state{}
}

// An operation with an unknown outcome returns after all others: it may happen at any time after
// its call, and at the very end it is as if it had never happened.
func step(row state, asked input, answer output, known versions) (bool, state) {
	met := holds(row, asked.Condition, known)
	switch answer.Kind {
	case "found":
		return row.present && row.value == answer.Value, row
	case "missing":
		return !row.present, row
	case "refused":
		return !met, row
	case "done":
		if !met || (answer.Created != nil && *answer.Created == row.present) {
			return false, row
		}
		return true, after(row, asked)
	default:
		if met {
			return true, after(row, asked)
		}
		return true, row
	}
}

func modelOf(known map[string]versions) porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byKey := map[string][]porcupine.Operation{}
			order := []string{}
			for _, one := range history {
				key := one.Input.(input).Key
				if _, seen := byKey[key]; !seen {
					order = append(order, key)
				}
				byKey[key] = append(byKey[key], one)
			}
			parts := [][]porcupine.Operation{}
			for _, key := range order {
				parts = append(parts, byKey[key])
			}
			return parts
		},
		Init: func() interface{} { return state{} },
		Step: func(before, asked, answer interface{}) (bool, interface{}) {
			in := asked.(input)
			return step(before.(state), in, answer.(output), known[in.Key])
		},
		Equal: func(one, other interface{}) bool { return one.(state) == other.(state) },
	}
}

func read(path string) ([]porcupine.Operation, map[string]versions, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	history := []porcupine.Operation{}
	known := map[string]versions{}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, lineBytesMax), lineBytesMax)
	for lines.Scan() {
		var one operation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, nil, fmt.Errorf("%s, line %d: %w", path, len(history)+1, err)
		}
		history = append(history, porcupine.Operation{
			ClientId: one.ClientId,
			Input:    one.Input,
			Call:     one.Call,
			Output:   one.Output,
			Return:   one.Return,
		})
		if known[one.Input.Key] == nil {
			known[one.Input.Key] = versions{}
		}
		if one.Output.Version != "" {
			value := one.Output.Value
			if one.Output.Kind == "done" {
				value = one.Input.Value
			}
			known[one.Input.Key][one.Output.Version] = value
		}
	}
	return history, known, lines.Err()
}

func main() {
	for _, path := range os.Args[1:] {
		history, known, err := read(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		switch porcupine.CheckOperationsTimeout(modelOf(known), history, timeMax) {
		case porcupine.Ok:
			fmt.Printf("%s linearizable\n", path)
		case porcupine.Illegal:
			fmt.Printf("%s violation\n", path)
		default:
			fmt.Printf("%s undecided\n", path)
		}
	}
}
