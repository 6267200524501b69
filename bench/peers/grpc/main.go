// A peer for `make bench`: the same getInfo with grpc-go. Prints its address once it listens.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"lbdemo.example/bench/pod"
)

type server struct {
	pod.UnimplementedPodServer
	name string
}

func (s *server) GetInfo(context.Context, *pod.Request) (*pod.Response, error) {
	return &pod.Response{Name: s.name}, nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer()
	pod.RegisterPodServer(s, &server{name: os.Args[1]})
	fmt.Println(listener.Addr())
	log.Fatal(s.Serve(listener))
}
