//! Sellers' payout accounts and the bank messages with them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use books::{
    AdjustmentAccount, ApproveSettlement, BankId, Command, DataSubject, ExecuteSettlement,
    HoldRule, Jurisdiction, OpenBooks, OwnAccount, PersonId, PlanId, PlanSettlement,
    PostAdjustment, PublishTariff, RegisterBank, RegisterSeller, SellerId, SellerKind, SetHoldRule,
    SetPayoutAccount, SettlementCycle, Sha256Digest, TariffId,
};
use engine::{Actor, Submission};
use journal::DataDirectory;
use keys::{KeyName, MasterKey, SoftwareStore};
use money::{Amount, Currency};
use node::{NoSnapshots, Node, NodeOptions};
use office::Persons;
use tariff::{BusinessDate, SellerClassNumber};
use vault::{AccountForm, PayoutAccount, RecordKind, RecordName, Vault, VaultKey};

use super::bank::{self, elements};
use super::support::{Bed, DOORSTEP, Ran, number, text};

const IBAN: &str = "BR1500000000000010932840814P2";
const HOLDER: &str = "Marta Silva";
const CNAPS_ACCOUNT: &str = "0200001019020098765";
const SET: &str = "payout-account set S1 --currency CNY --data books";

const SETTINGS: &str = r#"
[keys]
store = "keys.json"
master = "master.key"
terminals = "terminals"
token = "cards"
vault = "vault"

[[debtor]]
currency = "CNY"
name = "Courier Payments Ltd"
bank_code = "102100099996"
account = "1234567890123"
"#;

/// Settings with a key store that has the vault's key.
pub fn settings(bed: &Bed, name: &str) {
    bed.write(name, SETTINGS.replace("keys.json", &format!("{name}.keys")));
    bed.write("master.key", "ab".repeat(32));
    let line = "keys make vault --purpose data-keys --algorithm aes256 --config";
    bed.run(&format!("{line} {name}")).succeeds();
}

/// Trial books with the seller S1, and settings.
fn trial() -> Bed {
    trial_of(&["A,S1,CNY,10.00"])
}

/// Trial books with the sellers of these orders, and settings.
pub fn trial_of(orders: &[&str]) -> Bed {
    let bed = Bed::new();
    settings(&bed, "doorstep.toml");
    bed.orders("orders.csv", orders);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    bed
}

/// Fails if a text is in any file below a directory.
#[track_caller]
pub fn assert_in_no_file(directory: &Path, secrets: &[&str]) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_in_no_file(&path, secrets);
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[test]
fn an_account_is_entered_by_one_and_approved_by_another() {
    let bed = trial();
    let list = "payout-account list --data books";
    let show = "payout-account show S1 --data books --config doorstep.toml";
    bed.run(list).succeeds().prints("S1                       CNY no account\n");
    let account = format!("{{\"name\": \"{HOLDER}\", \"iban\": \"{IBAN}\"}}");
    let mut set = bed.doorstep(&format!("{SET} --file - --config doorstep.toml"));
    let child = set.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(account.as_bytes()).unwrap();
    Ran::end_of(&bed.command(DOORSTEP), child)
        .succeeds()
        .prints("SetPayoutAccount: proposed as number 1;");
    bed.run(list).succeeds().prints("S1                       CNY waits for a second person: pro");
    bed.run("payout-account show S1 --data books").fails("the vault needs its key: name one");
    bed.run(show).succeeds().prints("…14P2    waits for a second person: proposal 1\n");
    bed.run("approve 1 --data books").fails("proposal 1 is your own");
    bed.run("approve 1 --person 2 --data books").succeeds().prints("SetPayoutAccount: carried out");
    bed.run(show).succeeds().prints("…14P2    in force, account 1\n");
    let zh = bed.run(&format!("{show} --lang zh")).succeeds();
    assert!(zh.stdout().contains("生效，第 1 个账户"), "{zh}");
    let json = bed.run(&format!("{show} --json")).succeeds().json();
    assert_eq!(text(&json, "/accounts/0/last_four"), "14P2");
    let listed = bed.run(&format!("{list} --json")).succeeds();
    assert!(listed.stdout().contains("\"number\":1") && !listed.stdout().contains("14P2"));
    // Each time that it is shown, and no other.
    let seen = bed.run("vault disclosures --seller S1 --data books --json").succeeds();
    assert_eq!(seen.stdout().matches("PayoutAccount").count(), 4, "{seen}");
    let log = bed.run("log --seller S1 --data books").succeeds();
    log.prints("payout account 1 of seller S1 in CNY");
    let mode = fs::metadata(bed.path("books/vault.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_in_no_file(&bed.path("books"), &[IBAN, &IBAN[4..20], HOLDER]);
    bed.verified("books");

    let erase = "payout-account erase S1 --currency CNY --data books";
    bed.run(erase).succeeds().prints("ErasePayoutAccount: proposed as number");
    bed.run(list).succeeds().prints("CNY in force, account 1\n");
    let waiting = bed.run("proposals --data books --json").succeeds().json();
    let proposal = number(&waiting, "/proposals/0/number");
    let erased = bed.run(&format!("approve {proposal} --person 2 --data books")).succeeds();
    assert!(
        erased.words().contains("payout account of seller S1 in CNY erased, digest "),
        "{erased}"
    );
    bed.run(list).succeeds().prints("no account\n");
    bed.run(erase).succeeds().prints("nothing changed");
    let zh = bed.run("log --seller S1 --data books --lang zh").succeeds();
    assert!(zh.stdout().contains("清除卖家 S1 的 CNY 收款账户"), "{zh}");
    bed.verified("books");
}

#[test]
fn a_wrong_account_is_refused_in_words_and_never_repeated() {
    let bed = trial();
    let by_flags = format!("{SET} --config doorstep.toml --name Marta");
    for (flags, en, zh) in [
        ("--iban BR1500000000000010932840814P3", "the check digits of this IBAN", "校验位有误"),
        ("--iban BR150000000000001093284081", "26 characters; IBANs of its country", "26 个字符"),
        ("--iban QQ1500000000000010932840814P2", "no country with these first two", "没有以这两个"),
        ("--bank-code 102100099995 --account 0200001019020098765", "last digit of this", "末位与"),
        ("--bank-code 1021 --account 0200001019020098765", "CNAPS codes have 12", "12 位数字"),
        ("--bank-code 102100099996 --account 020000-0098765", "6 to 32 digits", "6 至 32 位"),
        ("--bank-code 102100099996", "give either an IBAN (--iban), or a bank code", "之一"),
    ] {
        let ran = bed.run(&format!("{by_flags} {flags}")).fails(en);
        let chinese = bed.run(&format!("{by_flags} {flags} --lang zh")).ends_with(1);
        assert!(chinese.stderr().contains(zh), "{chinese}");
        for secret in ["0932840", "98765"] {
            assert!(!ran.stderr().contains(secret) && !chinese.stderr().contains(secret));
        }
    }
    bed.write("account.json", "{\"name\": \"Marta\", \"account\": 6222020200112233445}");
    let ran = bed.run(&format!("{SET} --file account.json --config doorstep.toml"));
    let ran = ran.fails("--file account.json: line 1 is not an account; write texts only");
    assert!(!ran.stderr().contains("62220202"), "{ran}");
    bed.run(&format!("{SET} --iban {IBAN} --name Marta"))
        .fails("the vault needs its key: name one");
    let wrong = by_flags.replace("set S1", "set S9");
    bed.run(&format!("{wrong} --iban {IBAN}")).fails("the books have no seller `S9`");
    bed.run("proposals --data books").succeeds().prints("no proposal waits\n");
    assert!(!bed.has("books/vault.sqlite"));
    // Another key store.
    bed.run(&format!("{by_flags} --iban {IBAN}")).succeeds();
    settings(&bed, "other.toml");
    bed.run("payout-account show S1 --data books --config other.toml")
        .fails("the wrapped data key does not fit the key that wrapped it");
}

#[test]
fn a_vault_under_a_new_key_needs_no_old_one() {
    let bed = trial();
    let set = format!("{SET} --config doorstep.toml --name Marta --approved-by 2");
    bed.run(&format!("{set} --iban {IBAN}")).succeeds();
    let rewrap = "vault rewrap --data books --config doorstep.toml";
    bed.run(rewrap).succeeds().prints("newest generation: 0; they were before: 1.");
    bed.run("keys rotate vault --config doorstep.toml").succeeds();
    bed.run(rewrap).succeeds().prints("newest generation: 1; they were before: 0.");
    bed.run(&format!("{rewrap} --lang zh")).succeeds().prints("重新加密 0 个数据密钥");
    bed.run("keys drop vault --generation 1 --config doorstep.toml").succeeds();
    let show = "payout-account show S1 --data books --config doorstep.toml";
    bed.run(show).succeeds().prints("…14P2    in force, account 1\n");
}

/// The whole program is killed at many moments while an account is entered and approved.
#[test]
fn a_killed_entry_or_approval_leaves_each_account_whole_or_not_at_all() {
    let bed = trial();
    let set = format!("{SET} --config doorstep.toml --name Marta --bank-code 102100099996");
    let kill = |line: &str, wait: u64| {
        let mut command = bed.doorstep(line);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
    };
    let mut in_force = 0;
    for round in 0..6_u64 {
        let account = 1_000_000 + round;
        kill(&format!("{set} --account {account}"), round * 10);
        let proposed = bed.run(&format!("{set} --account {account} --json")).succeeds().json();
        let proposal = number(&proposed, "/proposal/number");
        let approve = format!("approve {proposal} --person 2 --data books");
        kill(&approve, round * 10);
        let again = bed.run(&approve);
        if !again.stderr().contains("there is no proposal") {
            again.succeeds();
        }
        in_force += 1;
        let show = "payout-account show S1 --data books --config doorstep.toml";
        bed.run(show)
            .succeeds()
            .prints(&format!("…{}    in force, account {in_force}\n", &account.to_string()[3..]));
        // A proposal that the killed entry left.
        let waiting = bed.run("proposals --data books --json").succeeds().json();
        for one in waiting["proposals"].as_array().unwrap() {
            let line = format!("withdraw-proposal {} --data books", one["number"]);
            bed.run(&line).succeeds();
        }
    }
    assert_in_no_file(&bed.path("books"), &["1000003", "102100099996"]);
    bed.verified("books");
}

const BANK: BankId = BankId(1);
const CNY: Currency = Currency::CNY;
const TWO: [PersonId; 2] = [PersonId(1), PersonId(2)];

/// Gives commands to books that nobody serves.
fn give(bed: &Bed, commands: Vec<Command>) {
    give_to(&bed.path("real"), commands);
}

pub fn give_to(path: &Path, commands: Vec<Command>) {
    let directory = if path.join("journal.sqlite").exists() {
        DataDirectory::open(path).unwrap()
    } else {
        DataDirectory::create(path).unwrap()
    };
    let journal = Box::new(directory.journal().unwrap());
    let node = Node::start(journal, Box::new(NoSnapshots), NodeOptions::default()).unwrap();
    let submissions = commands.into_iter().map(|one| (None, Submission::new(Actor::System, one)));
    for answer in node.client().execute(submissions.collect()).unwrap() {
        answer.unwrap();
    }
    node.stop().unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_file() {
            fs::set_permissions(entry, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

/// The user of this process acts as the first person.
fn map_user(bed: &Bed) {
    let path = bed.path("real");
    let mut persons = Persons::read(&path).unwrap();
    persons.add_name(TWO[0], "Li").unwrap();
    persons.add_user(fs::metadata(&path).unwrap().uid(), TWO[0]).unwrap();
    persons.write(&path).unwrap();
}

/// Real books with two sellers who have nothing yet.
fn real_books(bed: &Bed) {
    let [proposed_by, approved_by] = TWO;
    let file = tariff::file::parse(include_str!("../../../../tariffs/china-2013.toml")).unwrap();
    let version = &file.in_currency(CNY).unwrap().versions[0];
    let seller = |reference: &str| {
        Command::RegisterSeller(RegisterSeller {
            seller: SellerId::derived(reference),
            kind: SellerKind::Business,
            currency: CNY,
            jurisdiction: Jurisdiction(*b"CN"),
            tariff: TariffId(1),
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::ZERO,
            reference: reference.to_owned(),
        })
    };
    let (first_person, second_person) = (proposed_by, approved_by);
    give(
        bed,
        vec![
            Command::OpenBooks(OpenBooks {
                utc_offset_minutes: 480,
                first_person,
                second_person,
                trial: false,
            }),
            Command::RegisterBank(RegisterBank {
                bank: BANK,
                currency: CNY,
                reference: "main".to_owned(),
            }),
            Command::PublishTariff(PublishTariff {
                tariff: TariffId(1),
                version: 1,
                currency: Some(CNY),
                from: version.from,
                until: None,
                terms: Box::new(version.terms.clone()),
                reference: "tariff".to_owned(),
                proposed_by,
                approved_by,
            }),
            Command::SetHoldRule(SetHoldRule {
                jurisdiction: Jurisdiction(*b"CN"),
                number: 1,
                rule: HoldRule::AtOnce,
                proposed_by,
                approved_by,
            }),
            seller("loja"),
            seller("tienda"),
        ],
    );
}

/// Makes an amount payable to each seller, and executes a plan that pays it.
fn pay(bed: &Bed, plan: u64, first_entry: u32, sellers: &[&str]) {
    give(bed, payment(TWO, plan, first_entry, sellers));
}

pub fn payment(by: [PersonId; 2], plan: u64, first_entry: u32, sellers: &[&str]) -> Vec<Command> {
    let [proposed_by, approved_by] = by;
    let amount = Amount::of(10_000);
    let entry = |number, debit, credit, amount| {
        Command::PostAdjustment(PostAdjustment {
            number,
            currency: CNY,
            debit,
            credit,
            amount,
            value_date: BusinessDate::default(),
            reference: format!("voucher {number}"),
            proposed_by,
            approved_by,
        })
    };
    let own = AdjustmentAccount::Own;
    let bank = AdjustmentAccount::Bank(BANK);
    let all = Amount::of(10_000 * u64::try_from(sellers.len()).unwrap());
    let mut commands = vec![entry(first_entry, bank, own(OwnAccount::OtherIncome), all)];
    for (number, seller) in (first_entry + 1..).zip(sellers) {
        let seller = AdjustmentAccount::Seller(SellerId::derived(seller));
        commands.push(entry(number, own(OwnAccount::OtherExpenses), seller, amount));
    }
    let plan = PlanId(plan);
    let cycle = SettlementCycle::Daily;
    let (planned_by, currency) = (proposed_by, CNY);
    commands.extend([
        Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by }),
        Command::ApproveSettlement(ApproveSettlement { plan, approved_by }),
        Command::ExecuteSettlement(ExecuteSettlement { plan, bank: BANK }),
    ]);
    commands
}

/// Seals an account, and sets it as two persons do.
fn set_account(bed: &Bed, seller: &str, number: u32, account: &str) {
    let form = AccountForm {
        name: HOLDER.to_owned(),
        iban: account.starts_with("BR").then(|| account.to_owned()),
        bic: None,
        bank_code: (!account.starts_with("BR")).then(|| "102100099996".to_owned()),
        account: (!account.starts_with("BR")).then(|| account.to_owned()),
    };
    let account = PayoutAccount::new(form).unwrap();
    let master = MasterKey::find(Some(&bed.path("master.key"))).unwrap();
    let store = SoftwareStore::open(&bed.path("doorstep.toml.keys"), master).unwrap();
    let key = VaultKey { store: Arc::new(store), name: KeyName::new("vault").unwrap() };
    let (seller, currency) = (SellerId::derived(seller), CNY);
    let (subject, kind) = (DataSubject::Seller(seller), RecordKind::PayoutAccount(currency));
    let mut vault = Vault::new(&bed.path("real"), Some(key));
    let digest = vault.seal(RecordName { subject, kind }, &account.to_bytes()).unwrap();
    let (digest, [proposed_by, approved_by]) = (Sha256Digest(digest), TWO);
    let set = SetPayoutAccount { seller, currency, number, digest, proposed_by, approved_by };
    give(bed, vec![Command::SetPayoutAccount(set)]);
}

#[test]
fn every_plan_has_a_message_with_the_sellers_accounts() {
    let bed = Bed::new();
    settings(&bed, "doorstep.toml");
    real_books(&bed);
    set_account(&bed, "loja", 1, IBAN);
    pay(&bed, 20_131_128, 1, &["loja", "tienda"]);
    pay(&bed, 20_131_129, 4, &["loja"]);
    let line = "payouts --format pain001 --data real --config doorstep.toml --out";

    // A seller without an account.
    let refused = bed.run(&format!("{line} first")).fails("1 payouts cannot be ordered because");
    assert!(refused.stderr().contains("plan 20131128, payout 2: seller tienda, 100.00 CNY"));
    assert!(!bed.has("first"), "nothing is written");
    let zh = bed.run(&format!("{line} first --lang zh")).ends_with(1);
    assert!(zh.stderr().contains("未写出任何文件"), "{zh}");
    bed.run(&format!("{line} first --without-missing")).fails("is no person of these books");
    assert!(!bed.has("first"), "nothing is shown to somebody unknown");
    map_user(&bed);
    let part = bed.run(&format!("{line} first --without-missing")).succeeds();
    assert!(part.stderr().contains("LEFT OUT: 1 payouts are in no message"), "{part}");
    assert!(part.stderr().contains("seller tienda, 100.00 CNY"), "{part}");
    let planned = bed.read("first/payouts-20131128.xml");
    assert_eq!(elements(&planned, "IBAN"), [IBAN]);
    assert_eq!(elements(&planned, "EndToEndId"), ["1"]);
    assert_eq!(elements(&planned, "MsgId"), ["DOORSTEP-PLAN-0000000001332d38"]);
    assert_eq!(elements(&planned, "Nm"), ["Courier Payments Ltd", "Courier Payments Ltd", HOLDER]);
    assert!(bed.has("first/payouts-20131129.xml"), "every plan, not the last one only");

    let seen = bed.run("vault disclosures --data real --json").succeeds().json();
    assert_eq!(
        (text(&seen, "/fields/purpose"), text(&seen, "/fields/kind")),
        ("Payout", "PayoutAccount")
    );

    // The account comes later, and another one replaces that of the first seller.
    set_account(&bed, "tienda", 1, CNAPS_ACCOUNT);
    set_account(&bed, "loja", 2, CNAPS_ACCOUNT);
    pay(&bed, 20_131_130, 6, &["loja"]);
    let all = bed.run(&format!("{line} second --json")).succeeds().json();
    assert_eq!(all["messages"].as_array().unwrap().len(), 4);
    assert_eq!(all["left_out"].as_array().unwrap().len(), 0);
    for name in ["payouts-20131128.xml", "payouts-20131129.xml"] {
        let (first, second) = (format!("first/{name}"), format!("second/{name}"));
        assert_eq!(bed.read(first), bed.read(second), "written again identically");
    }
    let late = bed.read("second/payouts-20131128-2.xml");
    assert_eq!(elements(&late, "MsgId"), ["DOORSTEP-LATE-0000000000000002"]);
    assert_eq!(elements(&late, "MmbId"), ["102100099996", "102100099996"]);
    assert!(late.contains(CNAPS_ACCOUNT));
    assert!(bed.read("second/payouts-20131130.xml").contains(CNAPS_ACCOUNT));
    let mode = |name: &str| fs::metadata(bed.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("second"), mode("second/payouts-20131128-2.xml")), (0o700, 0o600));
    for entry in fs::read_dir(bed.path("second")).unwrap() {
        bank::assert_valid(&bed, &entry.unwrap().path());
    }

    // Some of the plans.
    bed.run(&format!("{line} some --plan 20131129 --plan 20131130")).succeeds();
    assert_eq!(fs::read_dir(bed.path("some")).unwrap().count(), 2);
    bed.run(&format!("{line} none --from 2001-01-01 --to 2001-01-02"))
        .fails("no settlement plan was executed in these books that was asked for");
    bed.run(&format!("{line} none --plan 7")).fails("--plan 7: no plan with this id was executed");
    bed.run("payouts --format csv --data real --plan 20131129 --out one.csv").succeeds();
    assert_eq!(bed.read("one.csv").lines().count(), 2);

    // Without the key, without our own account, and after an erasure.
    bed.run("payouts --format pain001 --data real --out none")
        .fails("our own account in CNY is not known; give --config FILE");
    bed.write("no-debtor.toml", bed.read("doorstep.toml").split("[[debtor]]").next().unwrap());
    bed.run("payouts --format pain001 --data real --config no-debtor.toml --out none")
        .fails("our own account in CNY is not known");
    settings(&bed, "other.toml");
    bed.run("payouts --format pain001 --data real --config other.toml --out none")
        .fails("the wrapped data key does not fit the key that wrapped it");
    let (subject, kind) =
        (DataSubject::Seller(SellerId::derived("loja")), RecordKind::PayoutAccount(CNY));
    let mut vault = Vault::new(&bed.path("real"), None);
    assert!(vault.erase(RecordName { subject, kind }).unwrap());
    let erased = bed.run(&format!("{line} none")).fails("it was erased, or never entered");
    assert!(erased.stderr().contains("payouts-20131128.xml"), "{erased}");
    assert!(!bed.has("none"), "nothing is written");
    assert_in_no_file(&bed.path("real"), &[IBAN, CNAPS_ACCOUNT, HOLDER]);
}
