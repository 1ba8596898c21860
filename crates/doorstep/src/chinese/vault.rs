//! Errors of the vault and of bank accounts.

use std::error::Error;

use ::vault::{
    ACCOUNT_DIGITS_MAX, ACCOUNT_DIGITS_MIN, AccountError, DOCUMENT_NUMBER_CHARS_MAX,
    DocumentNumberError, RecordKind, RecordName, VAULT_FILE, VaultError,
};
use books::DataSubject;
use files::pain001::BankIdentifierError;
use postgresql::said;

use super::files::text_problem;
use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(|error| account_error(*error)))
        .or_else(|| error.downcast_ref().map(|error| bank_identifier_error(*error)))
        .or_else(|| error.downcast_ref().map(vault_error))
        .or_else(|| error.downcast_ref().map(|DocumentNumberError| document_number_error()))
}

fn document_number_error() -> String {
    format!("不是证件号码：请写 1 至 {DOCUMENT_NUMBER_CHARS_MAX} 个拉丁字母、数字、连字符或斜线")
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

/// What to do about a list of erasures that is not whole.
const LIST_AGAIN: &str =
    "请用其最新副本恢复该文件，或用 `doorstep vault list-erasures` 按日志重新写出";

fn vault_error(error: &VaultError) -> String {
    use VaultError as E;
    match error {
        E::NoKey => {
            "保管库需要密钥：请在配置的 [keys] 中以 `vault` 给出密钥名称，用 `doorstep keys \
                     make NAME --purpose data-keys --algorithm aes256` 生成，并给出配置（--config）"
                .to_owned()
        }
        E::NoRecord(name) => format!(
            "保管库中没有{}：已清除，或从未录入；\
             请用 `doorstep payout-account set` 或 `doorstep vault \
             enter-identity` 重新录入，或重新导入订单",
            record_name(*name)
        ),
        E::Damaged(name) => format!(
            "保管库中的{}已被改动、截断或移动；请从备份恢复保管库，或重新录入",
            record_name(*name)
        ),
        E::DamagedKey(subject) => {
            format!("{VAULT_FILE} 中 {subject} 的密钥已被改动或截断；请从备份恢复该文件")
        }
        E::ReadableByOthers(path) => {
            format!("{}：其他用户可以读取保管库；请对该文件运行 `chmod 600`", path.display())
        }
        E::NotAVault(path) => format!("{}：不是此版本 Doorstep 的保管库", path.display()),
        E::Server { source, .. } => format!(
            "无法读写 PostgreSQL 中的保管库：{}；未执行任何操作，请检查服务器和配置中的 [vault]",
            said(source)
        ),
        E::OnServer => {
            "保管库的记录在 PostgreSQL 中：请给出 [vault] 中有其地址的配置（--config）".to_owned()
        }
        E::ServerHasNone { server } => format!(
            "{server} 中没有保管库，而 {VAULT_FILE} 表明曾在该处；请从备份恢复模式 doorstep_vault，\
             或更正 [vault] 中的 `url`"
        ),
        E::OtherVaultOnServer { server } => format!(
            "{server} 中是另一账簿或另一版本 Doorstep 的保管库；请在 [vault] 中给出另一数据库，\
             或从较新的备份恢复 {VAULT_FILE}"
        ),
        E::Sqlite { path, source, .. } => {
            format!("无法读写保管库 {}：{source}；请检查磁盘", path.display())
        }
        E::Io { path, source, .. } => {
            format!("无法读写保管库 {}：{source}；请检查磁盘", path.display())
        }
        E::DamagedErasures { path, line } => {
            format!("{}：第 {line} 行不是清除清单的条目；{LIST_AGAIN}", path.display())
        }
        E::OtherErasures(path) => {
            format!("{}：清除清单与账簿不符；{LIST_AGAIN}", path.display())
        }
        E::ErasuresMissing { path, listed, erased } => format!(
            "{}：清除清单有 {listed} 条，而实际清除了 {erased} 次；{LIST_AGAIN}",
            path.display()
        ),
        E::Erasures(error) => zh_error(error),
        E::Key(error) => zh_error(error),
        E::NoRandomness(error) => format!("操作系统没有返回随机数：{error}"),
    }
}

fn record_name(RecordName { subject, kind }: RecordName) -> String {
    let subject = match subject {
        DataSubject::Seller(seller) => format!("卖家 {seller} "),
        DataSubject::Buyer(parcel) => format!("包裹 {parcel} 的买家"),
    };
    match kind {
        RecordKind::PayoutAccount(currency) => format!("{subject}的 {currency} 收款账户"),
        RecordKind::Identity => format!("{subject}的证件信息"),
        RecordKind::Delivery => format!("{subject}的收件信息"),
    }
}
