//! A process that runs until it is stopped.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::support::{Bed, Ran};

/// A running Doorstep. It is killed on drop.
pub struct Process {
    command: Command,
    child: Option<Child>,
    output: BufReader<ChildStdout>,
    printed: String,
}

impl Process {
    #[track_caller]
    pub fn start(bed: &Bed, arguments: &str) -> Process {
        Process::of(bed.doorstep(arguments))
    }

    #[track_caller]
    pub fn of(mut command: Command) -> Process {
        command.stdin(Stdio::null());
        Process::with_input(command)
    }

    /// With the input that the command says.
    #[track_caller]
    pub fn with_input(mut command: Command) -> Process {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Process { command, child: Some(child), output, printed: String::new() }
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The next line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        if self.output.read_line(&mut line).unwrap() == 0 {
            if let Some(mut errors) = self.child.as_mut().and_then(|child| child.stderr.take()) {
                errors.read_to_string(&mut self.printed).unwrap();
            }
            panic!("{:?} has ended; it printed:\n{}", self.command, self.printed);
        }
        self.printed.push_str(&line);
        line
    }

    /// The rest of the next line that starts with a word.
    #[track_caller]
    pub fn says(&mut self, word: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let kill = Command::new("kill").args([format!("-{signal}"), id]).status();
        assert!(kill.unwrap().success());
    }

    /// Stops it with SIGTERM. Returns the rest of its output.
    #[track_caller]
    pub fn stop(self) -> Ran {
        self.signal("TERM");
        self.ends()
    }

    /// Waits until it has ended. Returns the rest of its output.
    #[track_caller]
    pub fn ends(mut self) -> Ran {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let ended = self.child.take().unwrap();
        Ran::end_of(&self.command, ended).having_printed(rest).succeeds()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
