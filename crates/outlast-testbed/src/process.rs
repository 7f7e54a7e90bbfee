//! Child processes that never outlive the process that started them.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};

/// A running child; killed and reaped when dropped.
///
/// Where the system has `setpriv`, the kernel kills the child also when this process is killed.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    child: Child,
}

impl ChildProcess {
    /// Starts a child in a process group of its own, so that Ctrl-C at a terminal reaches only the parent. Blocks shortly.
    pub(crate) fn spawn(command: Command) -> Result<Self> {
        let (reply, answer) = mpsc::channel();
        spawner()
            .send((tied_to_this_process(command), reply))
            .map_err(|_| anyhow!("the spawning thread is gone"))?;
        let child = answer
            .recv()
            .context("the spawning thread is gone")?
            .context("starting a child process")?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the child has ended.
    pub(crate) fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("asking for the state of a child process")
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).with_context(|| format!("sending {signal:?} to process {}", self.id()))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // Both fail only if the child has been reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// The kernel ties a child to the *thread* that started it: so all start from one that lives as long as the process.
fn spawner() -> &'static mpsc::Sender<Order> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                // If nobody waits for the answer any more, the child is dropped, not killed; but `spawn` always waits.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    })
}

fn tied_to_this_process(command: Command) -> Command {
    let mut tied = match setpriv() {
        Some(setpriv) => {
            let mut tied = Command::new(setpriv);
            tied.args(["--pdeathsig", "KILL"])
                .arg(command.get_program())
                .args(command.get_args());
            tied
        }
        None => command,
    };
    tied.process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    tied
}

fn setpriv() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join("setpriv"))
        .find(|candidate| candidate.is_file())
}
