//! Errors of the simulated day, terminal and network.

use std::error::Error;

use bench::{FleetError, InteractiveTerminalError, NetworkSimulatorServerError, WalletClientError};
use peers::behaviour::BehaviourError;
use peers::clearing::ClearingFileError;
use peers::terminal::TerminalError;
use peers::wallet::{ORDERS_MAX, WalletError};
use peers::waybill::{WAYBILL_CHARS, WaybillFormatError};
use sim::{DUE_MAX, DayError, DayInputError, PaymentPathError, ResumeDayError};

use super::{books, host, keys, toml_message};
use crate::day::BackendError;
use crate::words::Lang;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(day_error))
        .or_else(|| error.downcast_ref().map(input_error))
        .or_else(|| error.downcast_ref().map(resume_error))
        .or_else(|| error.downcast_ref().map(backend_error))
        .or_else(|| error.downcast_ref().map(terminal_error))
        .or_else(|| error.downcast_ref().map(waybill_error))
        .or_else(|| error.downcast_ref().map(behaviour_error))
        .or_else(|| error.downcast_ref().map(clearing_error))
        .or_else(|| error.downcast_ref().map(interactive_terminal_error))
        .or_else(|| error.downcast_ref().map(network_error))
        .or_else(|| error.downcast_ref().map(wallet_client_error))
        .or_else(|| error.downcast_ref().map(wallet_error))
        .or_else(|| error.downcast_ref().map(fleet_error))
}

fn day_error(error: &DayError<ResumeDayError<BackendError>>) -> String {
    match error {
        DayError::Input(error) => input_error(error),
        DayError::Backend(error) => resume_error(error),
        DayError::PaymentPath(error) => payment_path_error(error),
        DayError::Refused { at, command, refusal } => {
            format!("账簿拒绝 {command}（{} ms）：{}", at.0, books::refusal(refusal))
        }
        DayError::NotRepeated { command, answer } => {
            format!("重复的 {command} 得到 {answer}，未按重复处理")
        }
        DayError::NeverEnds { at, waiting } => {
            format!("模拟日没有结束（{} ms）：{waiting}", at.0)
        }
        DayError::AnswersMissing { sent, answered } => {
            format!("{sent} 条命令或查询只得到 {answered} 个答复")
        }
    }
}

fn input_error(error: &DayInputError) -> String {
    use DayInputError as E;
    match error {
        E::NoParcels => "没有包裹；请至少给出一个订单".to_owned(),
        E::NothingDue { seller, order } => {
            format!("卖家 {seller} 的包裹 {order} 应收金额为零；请去掉")
        }
        E::ParcelTooExpensive { seller, order } => format!(
            "卖家 {seller} 的包裹 {order} 应收金额超过终端合计的上限 {DUE_MAX}（\
             最小货币单位）；请去掉"
        ),
        E::DuplicateParcel { seller, order } => {
            format!("卖家 {seller} 的包裹 {order} 给出了两次；请删除一个")
        }
        E::TotalTooLarge => "应收合计超过 Doorstep 支持的最大金额；请减少包裹".to_owned(),
        E::NoTariff { tariff, date } => format!("费率 `{tariff}` 在 {date} 没有有效版本"),
        E::NoClass { tariff, class } => format!("费率 `{tariff}` 没有类别 `{class}`"),
        E::UnreadableTariff(error) => format!("模拟世界无法读取费率文件：{}", error.0),
        E::OutOfRange { option, max } => format!("{option} 须为 1 至 {max}"),
        E::UnknownToWorld { name } => {
            format!("账簿中有他人的命令 `{name}`，模拟世界无从得知")
        }
        E::RealBooks => "账簿是正式账簿；模拟日只能在试用账簿中进行".to_owned(),
        E::OtherTerms { seller } => format!("卖家 {seller} 登记时的费率或类别与这一天不同"),
        E::DateTooEarly { before } => format!("前一天是 {before}；下一天须更晚"),
        E::ChangedLater { what } => format!("第一天的 {what} 之后不能更改"),
    }
}

fn resume_error(error: &ResumeDayError<BackendError>) -> String {
    match error {
        ResumeDayError::Backend(error) => backend_error(error),
        ResumeDayError::AnotherDay => {
            "账簿中没有这一天的开头：订单、种子、参数或程序版本不同".to_owned()
        }
    }
}

fn backend_error(error: &BackendError) -> String {
    match error {
        BackendError::Stopped(error) => super::error(error, Lang::Zh),
        BackendError::Interrupted => "已中断".to_owned(),
        BackendError::File(error) => super::error(error, Lang::Zh),
        BackendError::Read { path, source } => {
            format!("无法读回 {}：{source}", path.display())
        }
    }
}

fn payment_path_error(error: &PaymentPathError) -> String {
    use PaymentPathError as E;
    match error {
        E::Socket(error) => format!("终端、交换中心与卡组织之间的本机套接字出错：{error}"),
        E::Terminal(error) => format!("模拟终端出错：{}", terminal_error(error)),
        E::Key(error) => format!("模拟终端或卡组织的密钥不可用：{}", keys::key_error(error)),
        E::Settings(error) => format!("交换中心拒绝其配置：{}", super::error(error, Lang::Zh)),
        E::Clearing(error) => format!("模拟卡组织的清算文件无效：{}", clearing_error(error)),
    }
}

fn terminal_error(error: &TerminalError) -> String {
    use TerminalError as E;
    match error {
        E::AwaitingAnswer => "仍在等待应答；请等到应答或超时，或重发请求".to_owned(),
        E::PendingMessageFirst => "须先发送另一条报文：冲正、重复报文、离线消费或批上送".to_owned(),
        E::SignOnRequired => "终端须先签到".to_owned(),
        E::NotInJournal(stan) => format!("终端流水中没有流水号 {stan:06} 的交易"),
        E::BatchFull => "批次已满；请先批结算".to_owned(),
        E::OfflineLimitExceeded => "超过离线消费的限额；请联机消费".to_owned(),
        E::CashBelowAmount => "实收现金少于金额".to_owned(),
        E::NothingToRepeat => "没有可重发的报文".to_owned(),
        E::NothingToUpload => "没有可上送的交易".to_owned(),
        E::Unreadable(why) => format!("应答无法读取：{why}"),
        E::Build(error) => format!("无法组成报文：{error}"),
        E::WorkingKeys => "会话密钥不正确；终端与交换中心的密钥是否相同？".to_owned(),
        E::Key(error) => keys::key_error(error),
    }
}

fn waybill_error(error: &WaybillFormatError) -> String {
    match error {
        WaybillFormatError::Length => format!("运单号须有 {WAYBILL_CHARS} 个字符"),
        WaybillFormatError::Character(place) => {
            format!("运单号的第 {place} 个字符须为 0-9 或 A-Z（不含 I、L、O、U）")
        }
        WaybillFormatError::TooLarge => "运单号须以 0 至 7 开头".to_owned(),
        WaybillFormatError::Check => "运单号的校验字符不符：有字符输错或颠倒".to_owned(),
    }
}

fn behaviour_error(error: &BehaviourError) -> String {
    let key = error.key.map(|key| format!("{key}：")).unwrap_or_default();
    let what = toml_message(&error.what);
    format!("第 {} 行：{key}{what}；见 docs/door/behaviour.md", error.line)
}

fn clearing_error(error: &ClearingFileError) -> String {
    match error {
        ClearingFileError::Io { path, source } => {
            format!("无法写入 {}：{source}", path.display())
        }
        ClearingFileError::Network(name) => {
            format!("卡组织名称 `{name}` 无效；请用 1 至 32 个 a-z、0-9 和 `-`")
        }
        ClearingFileError::Line { line, what } => format!("第 {line} 行：{what}"),
    }
}

fn interactive_terminal_error(error: &InteractiveTerminalError) -> String {
    match error {
        InteractiveTerminalError::Terminal(error) => terminal_error(error),
        InteractiveTerminalError::Sockets(error) => format!("无法使用套接字：{error}"),
    }
}

fn network_error(error: &NetworkSimulatorServerError) -> String {
    match error {
        NetworkSimulatorServerError::Listen { address, source } => {
            format!("模拟卡组织无法在 {address} 监听（{source}）；请换一个地址")
        }
        NetworkSimulatorServerError::Tls(error) => host::tls_error(error),
        NetworkSimulatorServerError::Sockets(error) => format!("无法使用套接字：{error}"),
    }
}

fn wallet_client_error(error: &WalletClientError) -> String {
    match error {
        WalletClientError::Wallet(error) => wallet_error(error),
        WalletClientError::Connection { address, source } => {
            format!("{address} 无应答：{source}")
        }
    }
}

fn wallet_error(error: &WalletError) -> String {
    match error {
        WalletError::Code(_) => "既不是 Doorstep 的二维码，也不是订单编号".to_owned(),
        WalletError::Currency(currency) => format!("二维码的币种不是 {currency}"),
        WalletError::PaidBefore(reference) => format!("订单 {reference} 已付过款"),
        WalletError::UnknownPayment(reference) => {
            format!("钱包没有订单 {reference} 的付款：其间重新启动过")
        }
        WalletError::TooManyOrders => {
            format!("钱包已有 {ORDERS_MAX} 个订单，达到上限；请重新启动")
        }
        WalletError::Signature => "应答的签名不对：双方的共享密钥是否相同？".to_owned(),
        WalletError::Unreadable => "应答无法读取".to_owned(),
    }
}

fn fleet_error(error: &FleetError) -> String {
    match error {
        FleetError::NoAddress => "没有可连接的地址；请至少给出一个".to_owned(),
        FleetError::Key(error) => keys::key_error(error),
        FleetError::Sockets(error) => format!("套接字：{error}"),
    }
}
