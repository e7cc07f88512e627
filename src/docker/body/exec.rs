//! The fields of an exec: of its creation and its start.
//!
//! Source: `api/types/container/exec*.go` of moby/moby.

use std::sync::LazyLock;

use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use super::topic::Topic;

tables! {
    /// `ContainerExec`.
    CONTAINER_EXEC {
        AttachStderr             Bool                   Harmless;
        AttachStdin              Bool                   Harmless;
        AttachStdout             Bool                   Harmless;
        Cmd                      [Text]                 Judged(Command);
        ConsoleSize              [Integer]              Harmless;
        // docker-py repeats the path here.
        Container                Any                    Ignored;
        // The docker command line repeats here what it sends with the start.
        Detach                   Any                    Ignored;
        // docker-py spells it as Docker's configuration file does.
        DetachKeys               Text                   Harmless as detachKeys;
        Env                      [Text]                 Judged(Environment);
        Privileged               Bool                   Judged(Privileged);
        Tty                      Bool                   Harmless;
        User                     Text                   Judged(User);
        WorkingDir               Text                   Judged(WorkingDirectory);
        // docker-java repeats the path here.
        containerId              Any                    Ignored;
    }

    /// `ExecStart`.
    EXEC_START {
        ConsoleSize              [Integer]              Harmless;
        Detach                   Bool                   Harmless;
        // bollard's size of its own buffer.
        OutputCapacity           Any                    Ignored;
        Tty                      Bool                   Harmless;
        // dockerode repeats its own options here.
        hijack                   Any                    Ignored;
        stdin                    Any                    Ignored;
    }
}
