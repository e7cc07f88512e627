package main

import (
	"context"
	"net/netip"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

func (c *caller) swarm() {
	c.call("SwarmUnlock", client.SwarmUnlockOptions{Key: "SWMKEY-1-none"})
	c.call("SwarmInit", client.SwarmInitOptions{
		ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1", DefaultAddrPool: []netip.Prefix{}, SubnetSize: 24,
	})
	defer c.leave()
	c.call("SwarmJoin", client.SwarmJoinOptions{ListenAddr: "127.0.0.1:2377", RemoteAddrs: []string{registry}})
	state := got[client.SwarmInspectResult](c.call("SwarmInspect", client.SwarmInspectOptions{})).Swarm
	c.call("SwarmGetUnlockKey")
	c.call("SwarmUpdate", client.SwarmUpdateOptions{Version: state.Version, Spec: state.Spec, RotateWorkerToken: true})
	c.nodes()
	c.secretsAndConfigs()
	c.services()
}

// leave also waits for the end of the tasks' containers, which images and lists show.
func (c *caller) leave() {
	c.call("SwarmLeave", client.SwarmLeaveOptions{Force: true})
	filters := client.Filters{}.Add("label", "com.docker.swarm.service.name="+c.prefix+"-service")
	eventually("the removal of the task's container", func() bool {
		found, err := c.aside.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: filters})
		return err == nil && len(found.Items) == 0
	})
}

func (c *caller) nodes() {
	node := got[client.NodeListResult](c.call("NodeList", client.NodeListOptions{})).Items[0]
	node = got[client.NodeInspectResult](c.call("NodeInspect", node.ID, client.NodeInspectOptions{})).Node
	node.Spec.Labels = map[string]string{"made-by": c.prefix}
	c.call("NodeUpdate", node.ID, client.NodeUpdateOptions{Version: node.Version, Spec: node.Spec})
	c.call("NodeRemove", node.ID, client.NodeRemoveOptions{})
}

func (c *caller) secretsAndConfigs() {
	named := swarm.Annotations{Name: c.prefix + "-kept", Labels: map[string]string{"made-by": c.prefix}}
	secret := got[client.SecretCreateResult](c.call("SecretCreate", client.SecretCreateOptions{
		Spec: swarm.SecretSpec{Annotations: named, Data: []byte("secret")},
	})).ID
	c.call("SecretList", client.SecretListOptions{})
	kept := got[client.SecretInspectResult](c.call("SecretInspect", secret, client.SecretInspectOptions{})).Secret
	kept.Spec.Labels["more"] = "yes"
	c.call("SecretUpdate", secret, client.SecretUpdateOptions{Version: kept.Version, Spec: kept.Spec})
	c.call("SecretRemove", secret, client.SecretRemoveOptions{})
	config := got[client.ConfigCreateResult](c.call("ConfigCreate", client.ConfigCreateOptions{
		Spec: swarm.ConfigSpec{Annotations: named, Data: []byte("config")},
	})).ID
	c.call("ConfigList", client.ConfigListOptions{})
	written := got[client.ConfigInspectResult](c.call("ConfigInspect", config, client.ConfigInspectOptions{})).Config
	written.Spec.Labels["more"] = "yes"
	c.call("ConfigUpdate", config, client.ConfigUpdateOptions{Version: written.Version, Spec: written.Spec})
	c.call("ConfigRemove", config, client.ConfigRemoveOptions{})
}

func (c *caller) services() {
	id := got[client.ServiceCreateResult](c.call("ServiceCreate", client.ServiceCreateOptions{Spec: swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: c.prefix + "-service"},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{Image: "busybox:latest", Command: []string{"echo", "said"}},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone},
		},
	}})).ID
	filters := client.Filters{}.Add("service", id)
	eventually("the end of the task", func() bool {
		tasks, err := c.aside.TaskList(context.Background(), client.TaskListOptions{Filters: filters})
		// The desired state changes last.
		return err == nil && len(tasks.Items) == 1 && tasks.Items[0].Status.State == swarm.TaskStateComplete &&
			tasks.Items[0].DesiredState == swarm.TaskStateShutdown
	})
	task := got[client.TaskListResult](c.call("TaskList", client.TaskListOptions{Filters: filters})).Items[0]
	c.call("TaskInspect", task.ID, client.TaskInspectOptions{})
	c.call("TaskLogs", task.ID, client.TaskLogsOptions{ShowStdout: true})
	c.call("ServiceList", client.ServiceListOptions{Status: true})
	found := got[client.ServiceInspectResult](c.call("ServiceInspect", id, client.ServiceInspectOptions{InsertDefaults: true}))
	c.call("ServiceLogs", id, client.ServiceLogsOptions{ShowStdout: true, ShowStderr: true})
	service := found.Service
	none := uint64(0)
	service.Spec.Mode = swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &none}}
	c.call("ServiceUpdate", id, client.ServiceUpdateOptions{Version: service.Version, Spec: service.Spec})
	c.call("ServiceRemove", id, client.ServiceRemoveOptions{})
}
