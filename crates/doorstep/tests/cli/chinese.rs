//! `--lang zh`: no English is left in the output.

use super::support::{Bed, Ran};

/// Fails if the output has an English word that is not in `known`: file names, codes and names of
/// account owners. Words with digits are identifiers.
#[track_caller]
fn assert_chinese(ran: &Ran, output: &str, known: &[&str]) {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let words = output.split(|c| !word(c)).map(|word| word.trim_matches(['-', '.']));
    let english: Vec<&str> = words
        .filter(|word| word.len() > 2 && !word.contains(|c: char| c.is_ascii_digit()))
        .filter(|word| !known.contains(word) && !word.ends_with(".csv"))
        .collect();
    assert!(english.is_empty(), "English in the output: {english:?}{ran}");
    assert!(output.contains(|c: char| c > '\u{3000}'), "no Chinese in the output{ran}");
}

#[test]
fn every_report_on_the_books_is_chinese() {
    let bed = Bed::new();
    bed.faulty_day(100);
    for (line, known) in [
        ("balances", &["CNY", "doorstep", "breaks", "data", "books"][..]),
        (
            "balances --all",
            &[
                "CNY",
                "doorstep",
                "breaks",
                "data",
                "books",
                "bank",
                "bank-cny",
                "wallet",
                "wallet-cny",
            ],
        ),
        ("verify", &["CNY"]),
        ("explain payout 1", &["CNY", "made-seller", "made", "general"]),
        (
            "log",
            &["CNY", "UTC", "wallet", "all", "Asia", "Shanghai", "planner", "approver", "Doorstep"],
        ),
        ("breaks", &["CNY", "UTC"]),
        ("open-items", &["CNY", "UTC"]),
        ("payouts --format csv --out payouts.csv", &[]),
    ] {
        let ran = bed.run(&format!("{line} --data books --lang zh")).succeeds().says_nothing();
        // The next commands are typed as they are.
        let said = ran.stdout().lines().filter(|line| !line.contains("doorstep "));
        let said = said.collect::<Vec<_>>().join("\n");
        let owners = said.replace("made-seller", "").replace("courier", "");
        assert_chinese(&ran, &owners.replace("network", "").replace("firm", ""), known);
    }
}

#[test]
fn every_reason_of_an_import_is_chinese() {
    let bed = Bed::new();
    bed.orders(
        "orders.csv",
        &["A,S1,CNY,12.345", "B,S1,CNY,-3", "C,S1,YUAN,1.00", "D,S1,CNY,0.00", "E,S1,CNY"],
    );
    let line = "import --orders orders.csv --profile doorstep --data books --lang zh";
    let ran = bed.run(line).ends_with(1);
    let known = ["CNY", "ISO", "YUAN", "amount_due", "currency", "Doorstep"];
    assert_chinese(&ran, ran.stdout(), &known);
    assert_chinese(&ran, ran.stderr(), &known);
    ran.says("错误：orders.csv：没有包裹");
}

#[test]
fn errors_are_chinese_by_the_environment_too() {
    let bed = Bed::new();
    let mut verify = bed.doorstep("verify --data nowhere");
    let ran = Ran::of(verify.env("LC_ALL", "zh_CN.UTF-8")).ends_with(1);
    ran.says("错误：没有数据目录 nowhere；请检查路径，或先创建\n");
    let mut english = bed.doorstep("verify --data nowhere --lang en");
    Ran::of(english.env("LC_ALL", "zh_CN.UTF-8")).fails("error: there is no data directory");
}

/// Fails if a line has letters but no Chinese. Lines that begin with one of `known` are left out:
/// flags, commands and examples.
#[track_caller]
fn assert_every_line_is_chinese(ran: &Ran, output: &str, known: &[&str]) {
    for line in output.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let prose = line.contains(|c: char| c.is_ascii_lowercase());
        let chinese = line.contains(|c: char| c > '\u{3000}');
        let left_out = known.iter().any(|known| line.starts_with(known));
        assert!(chinese || !prose || left_out, "no Chinese in the line `{line}`{ran}");
    }
    assert!(output.contains(|c: char| c > '\u{3000}'), "no Chinese in the output{ran}");
}

/// The commands in the list of a command's Chinese help, with those below them.
fn commands(bed: &Bed, above: &str) -> Vec<String> {
    let help = bed.run(&format!("{above} --help --lang zh")).succeeds().says_nothing();
    let mut all = vec![above.to_owned()];
    if let Some((_, listed)) = help.stdout().split_once("\n命令：\n") {
        let names = listed.split("\n\n").next().unwrap().lines();
        let names = names.filter_map(|line| line.trim().split(' ').next());
        for name in names.filter(|name| *name != "help") {
            all.extend(commands(bed, format!("{above} {name}").trim()));
        }
    }
    all
}

#[test]
fn help_is_chinese() {
    let bed = Bed::new();
    let all = commands(&bed, "");
    assert!(all.iter().any(|command| command == "keys rotate"), "{all:?}");
    for command in &all {
        for flag in ["--help", "-h"] {
            let line = format!("{command} {flag} --lang zh");
            let help = bed.run(&line).succeeds().says_nothing().prints("用法：doorstep");
            // Flags stand alone before their text, or beside it. Wrapped commands go on in a line.
            let known = [
                "-",
                "<",
                "[",
                "doorstep ",
                "--orders FILE",
                "master.key`",
                "localhost 127.0.0.1]",
                "entry]",
                "gamma:",
            ];
            assert_every_line_is_chinese(&help, help.stdout(), &known);
            for line in help.stdout().lines() {
                let wide = unicode_columns(line);
                assert!(wide <= 100, "{wide} columns: {line}{help}");
            }
        }
    }
    let day = bed.run("day --help --lang zh").succeeds();
    let english = bed.run("day --help --lang en").succeeds();
    let (_, keys) = english.stdout().split_once("What --json prints").unwrap();
    for key in keys.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let key = key.trim().split(' ').next().unwrap();
        assert!(day.stdout().contains(&format!("\n  {key} ")), "{key} is explained{day}");
    }
}

/// Chinese characters and punctuation take two columns.
fn unicode_columns(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{2E80}' { 2 } else { 1 }).sum()
}

#[test]
fn invalid_command_lines_are_answered_in_chinese() {
    let bed = Bed::new();
    for (line, words) in [
        ("day --parcel 10", "没有参数 `--parcel`\n  是否为 `--parcels`？"),
        ("verfy", "没有命令 `verfy`\n  是否为 `verify`？"),
        ("", "缺少命令；可用的命令：demo、day、"),
        ("day --tender crad", "的值 `crad` 无效\n  [可选值：mixed、card、qr、cash]"),
        ("day --parcels 0", "错误：--parcels 0：须为 1 至 2000000 的整数"),
        ("day --seed minus", "错误：--seed minus：须为整数"),
        ("day --date 2013-13-01", "`2013-13-01` 不是 1970-01-01 至 2149-06-06 之间的日期"),
        ("day --orders a", "缺少参数：`--profile <NAME|FILE>`"),
        ("verify --data", "参数 `--data <DIR>` 缺少值"),
        ("day --orders a --profile olist --parcels 1", "不能与 `--parcels <PARCELS>` 同时使用"),
        ("day --json --json", "参数 `--json` 只能给出一次"),
        ("gateway --engine nowhere", "`nowhere` 无法解析；请写地址和端口"),
        ("network withdraw a --at noon", "`noon` 不是时间；请写作 2013-08-28"),
        ("network run --credit-bins x", "请写 1 至 6 位数字"),
    ] {
        let ran = bed.run(&format!("--lang zh {line}")).ends_with(2);
        let ran = ran.says("错误：").says(words).says("详细说明见 --help。");
        assert_every_line_is_chinese(&ran, ran.stderr(), &[]);
    }
}

#[test]
fn rarer_errors_are_chinese() {
    let bed = Bed::new();
    bed.faulty_day(20);
    bed.write("short.key", "00");
    bed.chmod("short.key", 0o644);
    bed.write("a.toml", "nam = 1\n");
    bed.write("doorstep.toml", "time_zone = 8\n");
    for (line, words) in [
        ("keys list --store no.keys", "没有主密钥；请给出 --master-key-file FILE"),
        (
            "keys make a --purpose mac --store a.keys --master-key-file short.key",
            "short.key：其他用户可以读取该主密钥；请对该文件运行",
        ),
        ("tariff check a.toml", "a.toml：行 1：没有键 `nam`；可用的键：`name`、"),
        (
            "network withdraw network-1 --person planner --approved-by Planner --data books",
            "错误：账簿拒绝 WithdrawNetwork：",
        ),
        (
            "network withdraw nobody --approved-by approver --data books",
            "错误：账簿中没有卡组织 `nobody`；现有：network-1、network-2\n",
        ),
        ("explain payout 999999 --data books", "没有打款 999999：账簿中有打款 1 到 "),
        ("serve --data books --config doorstep.toml", "doorstep.toml：第 1 行"),
        (
            "gateway --engine [::1]:1 --listen [::1]:0 --ca no.pem --cert no.pem --key no.pem",
            "请给出含有证书的 PEM 文件",
        ),
        ("bench door --gateways 0 --kill-gateway", "错误：--kill-gateway：没有网关"),
    ] {
        let ran = bed.run(&format!("{line} --lang zh")).ends_with(1).says("错误：").says(words);
        assert_every_line_is_chinese(&ran, ran.stderr(), &[]);
    }
}
