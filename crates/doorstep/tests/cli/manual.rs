//! Manual pages and completions, made from the declaration of the commands.

use std::fs;

use super::support::{Bed, Ran, tool};

#[test]
fn every_command_has_a_manual_page_and_the_shell_completes_it() {
    let bed = Bed::new();
    bed.run("man pages").succeeds().says_nothing();
    let names = fs::read_dir(bed.path("pages")).unwrap();
    let names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for expected in ["doorstep.1", "doorstep-serve.1", "doorstep-network-withdraw.1"] {
        assert!(names.iter().any(|name| name == expected), "{expected} is not in {names:?}");
    }
    // Hidden commands are for packages.
    assert!(!names.iter().any(|name| name.contains("completions")), "{names:?}");
    let serve = bed.read("pages/doorstep-serve.1");
    assert!(serve.contains(".TH doorstep-serve 1") && serve.contains("SIGTERM"), "{serve}");

    bed.write("complete.bash", bed.run("completions bash").succeeds().stdout());
    let script = "source complete.bash; COMP_WORDS=(doorstep upg); COMP_CWORD=1; \
                  _doorstep doorstep upg doorstep; echo \"${COMPREPLY[@]}\"";
    let ran = Ran::of(tool(&bed, "bash").args(["-c", script])).succeeds();
    assert_eq!(ran.stdout(), "upgrade\n");
    for (shell, word) in [("zsh", "#compdef doorstep"), ("fish", "complete -c doorstep")] {
        bed.run(&format!("completions {shell}")).succeeds().prints(word);
    }
    bed.run("completions csh").ends_with(2);
}
