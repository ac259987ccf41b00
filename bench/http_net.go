// The same endpoint on Go's net/http, one processor. usage: go run http_net.go PORT
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
)

type greeting struct {
	Text string `json:"text"`
}

func main() {
	runtime.GOMAXPROCS(1)
	http.HandleFunc("/hello/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := json.Marshal(greeting{"Hello, " + strings.TrimPrefix(r.URL.Path, "/hello/") + "!"})
		w.Write(body)
	})
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
