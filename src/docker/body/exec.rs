//! The fields of an exec: of its creation and its start.
//!
//! Source: `api/types/container/exec*.go` of moby/moby.

use std::sync::LazyLock;

use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use crate::docker::Json;
use crate::docker::body::field_meaning::FieldMeaning;

tables! {
    /// `ContainerExec`.
    CONTAINER_EXEC {
        AttachStderr             Bool                   Harmless;
        AttachStdin              Bool                   Harmless;
        AttachStdout             Bool                   Harmless;
        Cmd                      [Text]                 Judged(Command);
        ConsoleSize              [Integer]              Harmless;
        Container                Any                    Ignored; // docker-py, go-dockerclient repeat the path
        Detach                   Any                    Ignored; // the docker command line, as with the start
        DetachKeys               Text                   Harmless;
        Env                      [Text]                 Judged(Environment);
        Privileged               Bool                   Judged(Privileged);
        Tty                      Bool                   Harmless;
        User                     Text                   Judged(User);
        WorkingDir               Text                   Judged(WorkingDirectory);
        containerId              Any                    Ignored; // docker-java repeats the path
        id                       Any                    Ignored; // Portainer, before its views were of React
    }

    /// `ExecStart`. What is run was said when the exec was made; Docker.DotNet before 4.0 says it again,
    /// go-dockerclient adds its own streams, and dockerode its own options.
    EXEC_START {
        AttachStderr             Any                    Ignored; // Docker.DotNet
        AttachStdin              Any                    Ignored; // Docker.DotNet
        AttachStdout             Any                    Ignored; // Docker.DotNet
        Cmd                      Any                    Ignored; // Docker.DotNet
        ConsoleSize              [Integer]              Harmless;
        Detach                   Bool                   Harmless;
        DetachKeys               Any                    Ignored; // Docker.DotNet
        Env                      Any                    Ignored; // Docker.DotNet
        ErrorStream              Any                    Ignored; // go-dockerclient
        InputStream              Any                    Ignored; // go-dockerclient
        OutputCapacity           Any                    Ignored; // bollard: the size of its own buffer
        OutputStream             Any                    Ignored; // go-dockerclient
        Privileged               Any                    Ignored; // Docker.DotNet
        RawTerminal              Any                    Ignored; // go-dockerclient
        Tty                      Bool                   Harmless;
        User                     Any                    Ignored; // Docker.DotNet
        WorkingDir               Any                    Ignored; // Docker.DotNet
        hijack                   Any                    Ignored; // dockerode
        stdin                    Any                    Ignored; // dockerode
    }
}

/// Whether the body of a start asks for no stream to and from the command.
#[must_use]
pub fn asks_to_detach(body: &[u8]) -> bool {
    let Ok(body) = Json::parse(body) else {
        return false;
    };
    let mut members = body.members().iter();
    members.any(|(key, value)| key.eq_ignore_ascii_case("Detach") && value.is_true())
}
