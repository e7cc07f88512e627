package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Their lists have no order.
var unordered = []string{"ContainerDiff", "DiskUsage", "ImageList", "Info", "NetworkList"}

// render returns the printed form of a result. Streams are read to their end.
func render(method string, result any) string {
	switch value := result.(type) {
	case error:
		return "error: " + value.Error()
	case client.ContainerAttachResult:
		return streamed(value.Reader, value.Conn)
	case client.ExecAttachResult:
		return streamed(value.Reader, value.Conn)
	case client.ContainerStatsResult:
		return keys(value.Body)
	case client.ContainerTopResult:
		return fmt.Sprint(value.Titles)
	case client.ContainerWaitResult:
		select {
		case ended := <-value.Result:
			return encoded(ended)
		case err := <-value.Error:
			return "error: " + err.Error()
		}
	case client.ImageBuildResult:
		return streamed(value.Body, value.Body)
	case client.CopyFromContainerResult:
		return fmt.Sprint(value.Stat.Name, " ", streamed(value.Content, value.Content))
	case client.EventsResult:
		return heard(value)
	case func(context.Context) (net.Conn, error):
		return dialed(value)
	case net.Conn:
		return fmt.Sprint("connected, ", value.Close())
	case io.ReadCloser:
		return streamed(value, value)
	}
	text := encoded(result)
	if slices.Contains(unordered, method) {
		parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("[]{},", r) })
		slices.Sort(parts)
		return strings.Join(parts, ",")
	}
	return text
}

func encoded(value any) string {
	text, err := json.Marshal(value)
	must(err)
	return string(text)
}

func heard(result client.EventsResult) string {
	var actions []string
	for {
		select {
		case message := <-result.Messages:
			actions = append(actions, string(message.Action))
		case err := <-result.Err:
			return fmt.Sprint(actions, " ", err)
		}
	}
}

func dialed(dial func(context.Context) (net.Conn, error)) string {
	connection, err := dial(context.Background())
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint("connected, ", connection.Close())
}

// streamed reads everything: an archive, framed output of a container, or text.
func streamed(stream io.Reader, end io.Closer) string {
	defer end.Close()
	content, err := io.ReadAll(stream)
	if names := archived(content); names != nil {
		return fmt.Sprint(names, " ", err)
	}
	var stdout, stderr bytes.Buffer
	if size, framed := stdcopy.StdCopy(&stdout, &stderr, bytes.NewReader(content)); framed == nil && size > 0 {
		return fmt.Sprintf("%q %q %v", stdout.String(), stderr.String(), err)
	}
	return fmt.Sprintf("%q %v", content, err)
}

// archived returns the sorted names in an archive; nil if the content is something else.
func archived(content []byte) []string {
	var names []string
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) || err != nil {
			slices.Sort(names)
			return names
		}
		names = append(names, header.Name)
	}
}

// keys returns the field names of an object whose values are never the same.
func keys(stream io.ReadCloser) string {
	defer stream.Close()
	fields := map[string]any{}
	if err := json.NewDecoder(stream).Decode(&fields); err != nil {
		return "error: " + err.Error()
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}
