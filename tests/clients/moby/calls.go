package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Nobody listens there.
const registry = "127.0.0.1:1"

// On USR1 it exits with 7. Without traps, the first process of a container ignores signals.
const life = "trap 'exit 7' USR1; trap 'exit 0' TERM; echo said; touch /tmp/ready; while :; do sleep 0.1; done"

func (c *caller) system() {
	c.call("Ping", client.PingOptions{NegotiateAPIVersion: true})
	c.call("ClientVersion")
	c.call("ServerVersion", client.ServerVersionOptions{})
	c.call("Info", client.InfoOptions{})
	c.call("DiskUsage", client.DiskUsageOptions{Containers: true, Images: true, Volumes: true})
	c.call("RegistryLogin", client.RegistryLoginOptions{Username: "me", Password: "secret", ServerAddress: registry})
	c.call("Dialer")
	c.call("DaemonHost")
	// The engine knows a session for some time after its end.
	c.call("DialHijack", "/session", "h2c", map[string][]string{"X-Docker-Expose-Session-Uuid": {rand.Text()}})
}

func (c *caller) containers() {
	begun := time.Now()
	name, labels := c.prefix+"-web", map[string]string{"made-by": c.prefix}
	id := got[client.ContainerCreateResult](c.call("ContainerCreate", client.ContainerCreateOptions{
		Name: name,
		Config: &container.Config{
			Image: "busybox:latest", Cmd: []string{"sh", "-c", life}, Tty: true, OpenStdin: true,
			Env: []string{"WORD=from the environment"}, Labels: labels,
		},
		HostConfig: &container.HostConfig{Binds: []string{c.prefix + "-data:/data"}},
	})).ID
	filters := client.Filters{}.Add("label", "made-by="+c.prefix)
	c.call("ContainerStart", id, client.ContainerStartOptions{})
	c.running(id)
	c.call("ContainerList", client.ContainerListOptions{All: true, Filters: filters})
	c.call("ContainerInspect", id, client.ContainerInspectOptions{Size: true})
	c.call("ContainerResize", id, client.ContainerResizeOptions{Height: 30, Width: 100})
	c.call("ContainerStats", id, client.ContainerStatsOptions{})
	c.call("ContainerTop", id, client.ContainerTopOptions{Arguments: []string{"-o", "pid,comm"}})
	c.call("ContainerLogs", id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	c.call("ContainerAttach", id, client.ContainerAttachOptions{Stdout: true, Stderr: true, Logs: true})
	c.execs(id)
	c.call("CopyToContainer", id, client.CopyToContainerOptions{
		DestinationPath: "/tmp", Content: bytes.NewReader(c.hello), CopyUIDGID: true,
	})
	c.call("ContainerStatPath", id, client.ContainerStatPathOptions{Path: "/tmp/hello.txt"})
	c.call("CopyFromContainer", id, client.CopyFromContainerOptions{SourcePath: "/tmp/hello.txt"})
	c.call("ContainerDiff", id, client.ContainerDiffOptions{})
	c.call("ContainerPause", id, client.ContainerPauseOptions{})
	c.call("ContainerUnpause", id, client.ContainerUnpauseOptions{})
	c.call("ContainerUpdate", id, client.ContainerUpdateOptions{
		Resources:     &container.Resources{Memory: 1 << 26, MemorySwap: 1 << 26},
		RestartPolicy: &container.RestartPolicy{Name: container.RestartPolicyDisabled},
	})
	c.call("CheckpointCreate", id, client.CheckpointCreateOptions{CheckpointID: "one"})
	c.call("CheckpointList", id, client.CheckpointListOptions{})
	c.call("CheckpointRemove", id, client.CheckpointRemoveOptions{CheckpointID: "one"})
	second := 1
	c.call("ContainerRestart", id, client.ContainerRestartOptions{Timeout: &second})
	c.running(id)
	c.call("ContainerKill", id, client.ContainerKillOptions{Signal: "USR1"})
	c.call("ContainerWait", id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	c.call("ContainerStop", id, client.ContainerStopOptions{Timeout: &second})
	c.call("ContainerRename", id, client.ContainerRenameOptions{NewName: name + "-renamed"})
	c.call("ContainerExport", id, client.ContainerExportOptions{})
	c.call("ContainerCommit", id, client.ContainerCommitOptions{
		Reference: c.prefix + "-image:commit", Comment: "a comment", Changes: []string{"ENV A=b"},
	})
	c.call("Events", client.EventsListOptions{
		Since: seconds(begun), Until: seconds(time.Now()), Filters: client.Filters{}.Add("container", id),
	})
	c.call("ContainerRemove", id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	c.call("ContainerRemove", id, client.ContainerRemoveOptions{})
	c.call("ContainerPrune", client.ContainerPruneOptions{Filters: filters})
}

func seconds(moment time.Time) string {
	return fmt.Sprintf("%d.%09d", moment.Unix(), moment.Nanosecond())
}

// running waits until the container has set its traps.
func (c *caller) running(id string) {
	eventually("the container's traps", func() bool {
		_, err := c.aside.ContainerStatPath(context.Background(), id, client.ContainerStatPathOptions{Path: "/tmp/ready"})
		return err == nil
	})
}

func (c *caller) execs(id string) {
	create := func(tty bool, words ...string) string {
		return got[client.ExecCreateResult](c.call("ExecCreate", id, client.ExecCreateOptions{
			AttachStdout: true, AttachStderr: true, AttachStdin: tty, TTY: tty, Cmd: words, Env: []string{"A=b"},
		})).ID
	}
	detached := create(true, "sleep", "60")
	c.call("ExecStart", detached, client.ExecStartOptions{Detach: true, TTY: true})
	c.call("ExecResize", detached, client.ExecResizeOptions{Height: 20, Width: 80})
	attached := create(false, "sh", "-c", "echo $A; echo aside >&2; exit 3")
	c.call("ExecAttach", attached, client.ExecAttachOptions{})
	eventually("the end of the exec", func() bool {
		state, err := c.aside.ExecInspect(context.Background(), attached, client.ExecInspectOptions{})
		return err == nil && !state.Running
	})
	c.call("ExecInspect", attached, client.ExecInspectOptions{})
}

func (c *caller) images() {
	image, away := c.prefix+"-image", registry+"/"+c.prefix+":1"
	c.call("ImageTag", client.ImageTagOptions{Source: image + ":commit", Target: away})
	c.call("ImageInspect", image+":commit")
	c.call("ImageHistory", image+":commit")
	c.call("ImageAttestations", image+":commit")
	c.call("ImageImport", client.ImageImportSource{Source: bytes.NewReader(c.hello), SourceName: "-"}, image+":import",
		client.ImageImportOptions{Message: "a message", Changes: []string{"ENV A=b"}})
	c.call("ImageBuild", archive("Dockerfile", "FROM busybox\nRUN echo built\nENV A=b\n"), client.ImageBuildOptions{
		Tags: []string{image + ":build"}, NoCache: true, Remove: true, Labels: map[string]string{"made-by": c.prefix},
	})
	c.call("BuildCancel", "no-such-build", client.BuildCancelOptions{})
	c.call("BuildCachePrune", client.BuildCachePruneOptions{Filters: client.Filters{}.Add("id", "no-such-record")})
	c.call("ImageList", client.ImageListOptions{All: true})
	c.call("ImageSave", []string{"busybox:latest"})
	saved, err := c.aside.ImageSave(context.Background(), []string{image + ":import"})
	must(err)
	c.call("ImageLoad", saved, client.ImageLoadWithQuiet(true))
	c.call("ImagePush", away, client.ImagePushOptions{RegistryAuth: "e30="})
	c.call("ImagePull", registry+"/none:1", client.ImagePullOptions{})
	c.call("ImageSearch", registry+"/none", client.ImageSearchOptions{Limit: 1})
	c.call("DistributionInspect", registry+"/none:1", client.DistributionInspectOptions{})
	for _, each := range []string{away, image + ":commit", image + ":import", image + ":build", image + ":none"} {
		c.call("ImageRemove", each, client.ImageRemoveOptions{PruneChildren: true})
	}
	c.call("ImagePrune", client.ImagePruneOptions{Filters: client.Filters{}.Add("label", "made-by="+c.prefix)})
}

// archive is a tar archive of a file and an empty folder rootfs, as a plugin has one.
func archive(name, content string) *bytes.Buffer {
	made := &bytes.Buffer{}
	writer := tar.NewWriter(made)
	must(writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
	_, err := writer.Write([]byte(content))
	must(err)
	must(writer.WriteHeader(&tar.Header{Name: "rootfs/", Mode: 0o755, Typeflag: tar.TypeDir}))
	must(writer.Close())
	return made
}

func (c *caller) networksAndVolumes() {
	labels := map[string]string{"made-by": c.prefix}
	filters := client.Filters{}.Add("label", "made-by="+c.prefix)
	volume, net := c.prefix+"-volume", c.prefix+"-net"
	c.call("VolumeCreate", client.VolumeCreateOptions{Name: volume, Labels: labels})
	c.call("VolumeInspect", volume, client.VolumeInspectOptions{})
	c.call("VolumeList", client.VolumeListOptions{Filters: filters})
	c.call("VolumeUpdate", volume, client.VolumeUpdateOptions{})
	c.call("VolumePrune", client.VolumePruneOptions{All: true, Filters: filters})
	c.call("VolumeRemove", volume, client.VolumeRemoveOptions{Force: true})
	c.call("VolumeRemove", c.prefix+"-data", client.VolumeRemoveOptions{})
	created := got[client.NetworkCreateResult](c.call("NetworkCreate", net, client.NetworkCreateOptions{
		Driver: "bridge", Labels: labels, Attachable: true,
	}))
	id := got[client.ContainerCreateResult](c.call("ContainerCreate", client.ContainerCreateOptions{
		Name: c.prefix + "-member", Image: "busybox:latest",
	})).ID
	c.call("NetworkConnect", net, client.NetworkConnectOptions{
		Container: id, EndpointConfig: &network.EndpointSettings{Aliases: []string{"member"}},
	})
	c.call("NetworkInspect", created.ID, client.NetworkInspectOptions{Verbose: true})
	c.call("NetworkList", client.NetworkListOptions{Filters: filters})
	c.call("NetworkDisconnect", net, client.NetworkDisconnectOptions{Container: id, Force: true})
	c.call("NetworkPrune", client.NetworkPruneOptions{Filters: filters})
	c.call("NetworkRemove", net, client.NetworkRemoveOptions{})
	c.call("ContainerRemove", id, client.ContainerRemoveOptions{})
}

func (c *caller) plugins() {
	const settings = `{"description":"does nothing","entrypoint":["/none"],"interface":{"types":["docker.none/1.0"],` +
		`"socket":"none.sock"},"env":[{"name":"WORD","settable":["value"],"value":"0"}]}`
	name, other := registry+"/"+c.prefix+"/plugin:1", registry+"/"+c.prefix+"/other:1"
	c.call("PluginCreate", archive("config.json", settings), client.PluginCreateOptions{RepoName: name})
	c.call("PluginList", client.PluginListOptions{})
	c.call("PluginInspect", name, client.PluginInspectOptions{})
	c.call("PluginSet", name, client.PluginSetOptions{Args: []string{"WORD=1"}})
	c.call("PluginEnable", name, client.PluginEnableOptions{Timeout: 1})
	c.call("PluginDisable", name, client.PluginDisableOptions{Force: true})
	c.call("PluginPush", name, client.PluginPushOptions{RegistryAuth: "e30="})
	c.call("PluginUpgrade", name, client.PluginUpgradeOptions{RemoteRef: other, AcceptAllPermissions: true})
	c.call("PluginInstall", other, client.PluginInstallOptions{RemoteRef: other, AcceptAllPermissions: true})
	c.call("PluginRemove", name, client.PluginRemoveOptions{Force: true})
}
