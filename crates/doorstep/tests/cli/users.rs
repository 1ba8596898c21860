//! Sign-ins, roles and API keys from the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::payout_accounts::trial_of;
use super::support::Bed;

const CONFIG: &str = "--data books --config doorstep.toml";

fn trial() -> Bed {
    trial_of(&["A,S1,CNY,10.00"])
}

#[test]
fn the_first_two_persons_get_their_sign_ins_once() {
    let bed = trial();
    let init = format!("user init {CONFIG} --json");
    bed.run("user init --data books").fails("access needs the vault's key");
    let made = bed.run(&init).succeeds().json();
    let sign_ins = made["sign_ins"].as_array().unwrap();
    assert_eq!(sign_ins.len(), 2);
    for (one, name) in sign_ins.iter().zip(["person-1", "person-2"]) {
        assert_eq!(one["name"], name);
        assert!(one["setting_secret"].as_str().unwrap().starts_with("dsp_"));
        let uri = one["second_factor"].as_str().unwrap();
        assert!(uri.starts_with(&format!("otpauth://totp/Doorstep:{name}?secret=")), "{uri}");
    }
    let mode = fs::metadata(bed.path("books/access.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = bed.run("user list --data books --json").succeeds().json();
    assert_eq!(listed["users"][0]["state"], "waits");
    assert_eq!(listed["users"][0]["roles"][0], "Administrator");
    bed.run("user list --data books").succeeds().prints("administrator");
    let zh = bed.run("user list --data books --lang zh").succeeds();
    assert!(zh.stdout().contains("管理员"), "{zh}");
    bed.run("user sessions 1 --data books").succeeds();
    bed.run("user end-session 1 --number 7 --data books").succeeds().prints("no session 7");
}

#[test]
fn a_role_is_granted_by_two_and_then_a_sign_in_is_made() {
    let bed = trial();
    bed.run(&format!("user add 3 --name clerk {CONFIG}")).fails("has no role in the books");
    bed.run("user grant 3 --grant Seller=S1 --data books").succeeds().prints("proposed as number");
    bed.run("approve 1 --person 2 --data books").succeeds().prints("GrantAccess: carried out");
    let made = bed.run(&format!("user add 3 --name clerk {CONFIG}")).succeeds();
    made.prints("signs in as clerk").prints("otpauth://totp/Doorstep:clerk");
    bed.run(&format!("user add 3 --name CLERK-2 {CONFIG}")).succeeds();
    bed.run("user revoke 3 --grant Seller=S1 --data books").succeeds().prints("carried out");
    bed.run(&format!("user add 3 --name clerk {CONFIG}")).fails("has no role in the books");
    bed.run("user revoke 2 --grant Administrator --data books").succeeds();
    let last = "the person is the last administrator";
    bed.run("user revoke 1 --grant Administrator --data books").fails(last);
    bed.verified("books");
}

#[test]
fn a_key_is_issued_by_two_and_its_secret_is_shown_once() {
    let bed = trial();
    let until = "2100-01-01T00:00:00+08:00";
    let far = format!("api-key issue Seller=S1 --key 7 --until {until} --data books");
    bed.run(&far).succeeds().prints("proposed as number 1");
    bed.run("approve 1 --person 2 --data books").fails("expires after now, and within 400 days");
    bed.run("api-key secret 7 --data books").fails("API key 7 is not in force");
    bed.run("api-key revoke 7 --data books").fails("API key 7 was never issued");
    bed.run("api-key list --data books --json").succeeds();
    bed.run("api-key secret --data books").fails("doorstep api-key secret KEY");
}
