// A peer for `make bench`: the same GET /pod with Go's net/http. Prints its address once it listens.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	name := []byte(os.Args[1])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/pod", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(name)
	})
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}
