//! Errors of the vault and of bank accounts.

use std::error::Error;

use ::vault::{
    ACCOUNT_DIGITS_MAX, ACCOUNT_DIGITS_MIN, AccountError, RecordKind, RecordName, Subject,
    VAULT_FILE, VaultError,
};
use files::pain001::BankIdentifierError;

use super::files::text_problem;
use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(|error| account_error(*error)))
        .or_else(|| error.downcast_ref().map(|error| bank_identifier_error(*error)))
        .or_else(|| error.downcast_ref().map(vault_error))
}

fn account_error(error: AccountError) -> String {
    use AccountError as E;
    match error {
        E::Name(problem) => format!("户名{}", text_problem(problem)),
        E::NotOneAccount => {
            "请给出 IBAN（--iban），或银行行号和账号（--bank-code、--account）之一".to_owned()
        }
        E::BicWithBankCode => "BIC 只与 IBAN 一起给出：行号已指明银行".to_owned(),
        E::Bank(error) => bank_identifier_error(error),
        E::AccountNumber => format!(
            "不是账号：须为 {ACCOUNT_DIGITS_MIN} 至 {ACCOUNT_DIGITS_MAX} 位数字，不含其他字符"
        ),
    }
}

fn bank_identifier_error(error: BankIdentifierError) -> String {
    use BankIdentifierError as E;
    match error {
        E::IbanForm => "不是 IBAN：请写两个字母、两位数字，再写 11 至 30 个字母和数字".to_owned(),
        E::IbanCountry => "没有以这两个字母开头的 IBAN 国家；请检查 IBAN 的开头".to_owned(),
        E::IbanLength { length, expected } => {
            format!("该 IBAN 有 {length} 个字符；其国家的 IBAN 为 {expected} 个字符")
        }
        E::IbanCheck => "该 IBAN 的校验位有误；请检查是否缺少或调换了数字".to_owned(),
        E::CnapsForm => "不是银行行号：CNAPS 行号为 12 位数字".to_owned(),
        E::CnapsCheck => "该银行行号的末位与其他各位不符；请检查是否有误".to_owned(),
        E::Bic => "不是 BIC：请写 8 或 11 个大写字母和数字，例如 BKCHCNBJ".to_owned(),
    }
}

fn vault_error(error: &VaultError) -> String {
    use VaultError as E;
    match error {
        E::NoKey => {
            "保管库需要密钥：请在配置的 [keys] 中以 `vault` 给出密钥名称，用 `doorstep keys \
                     make NAME --purpose data-keys --algorithm aes256` 生成，并给出配置（--config）"
                .to_owned()
        }
        E::NoRecord(name) => format!(
            "保管库中没有{}：已清除，或从未录入；请用 `doorstep payout-account set` 重新录入",
            record_name(*name)
        ),
        E::Damaged(name) => format!(
            "{VAULT_FILE} 中的{}已被改动、截断或移动；请从备份恢复该文件，或重新录入账户",
            record_name(*name)
        ),
        E::DamagedKey(subject) => {
            format!("{VAULT_FILE} 中 {subject} 的密钥已被改动或截断；请从备份恢复该文件")
        }
        E::ReadableByOthers(path) => {
            format!("{}：其他用户可以读取保管库；请对该文件运行 `chmod 600`", path.display())
        }
        E::NotAVault(path) => format!("{}：不是此版本 Doorstep 的保管库", path.display()),
        E::Sqlite { path, source, .. } => {
            format!("无法读写保管库 {}：{source}；请检查磁盘", path.display())
        }
        E::Io { path, source, .. } => {
            format!("无法读写保管库 {}：{source}；请检查磁盘", path.display())
        }
        E::Key(error) => zh_error(error),
        E::NoRandomness(error) => format!("操作系统没有返回随机数：{error}"),
    }
}

fn record_name(RecordName { subject, kind }: RecordName) -> String {
    let Subject::Seller(seller) = subject;
    let RecordKind::PayoutAccount(currency) = kind;
    format!("卖家 {seller} 的 {currency} 收款账户")
}
