//! Errors of sockets, TLS, the settings and the control socket.

use std::error::Error;

use host::control::ControlError;
use host::limits::LINES_PER_GATEWAY_MAX;
use host::tls::TlsError;
use host::{HostError, NotRunning};
use switch::{ResumeError, SettingsError, UnknownDialect};

use super::{journal, zh};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(host_error))
        .or_else(|| error.downcast_ref().map(tls_error))
        .or_else(|| error.downcast_ref().map(control_error))
        .or_else(|| error.downcast_ref().map(settings_error))
        .or_else(|| error.downcast_ref().map(resume_error))
        .or_else(|| error.downcast_ref().map(unknown_dialect))
        .or_else(|| error.downcast_ref().map(not_running))
}

fn not_running(_: &NotRunning) -> String {
    "配置未更改：Doorstep 正在启动或停止；请再试".to_owned()
}

fn host_error(error: &HostError) -> String {
    match error {
        HostError::Listen { what, address, source } => format!(
            "无法在 {address} 监听{}（{source}）；请换一个地址，或停止占用它的程序",
            zh(what)
        ),
        HostError::Control { path, source } => {
            format!("无法创建控制套接字 {}（{source}）；请检查其目录是否存在、可写", path.display())
        }
        HostError::TooManyTerminals(count) => format!(
            "一个网关 {count} 台终端过多：交换中心在一条连接上最多接受 {LINES_PER_GATEWAY_MAX} 台；\
             请降低上限，并另启一个网关"
        ),
        HostError::Sockets(error) => format!("无法使用套接字：{error}"),
        HostError::NodeStopped(error) => journal::node_stopped(error),
    }
}

pub(super) fn tls_error(error: &TlsError) -> String {
    match error {
        TlsError::Pem { path, what, why } => {
            format!("{}：{why}；请给出含有{}的 PEM 文件", path.display(), zh(what))
        }
        TlsError::Empty { path, what } => {
            format!("{} 中没有{}；请给出含有它的 PEM 文件", path.display(), zh(what))
        }
        TlsError::Pair { certificate, key, why } => {
            format!("{} 与 {}：{why}；请给出证书及其私钥", certificate.display(), key.display())
        }
        TlsError::ServerName(name) => {
            format!("`{name}` 不是证书中可用的 DNS 名称或 IP 地址；请更正")
        }
    }
}

fn control_error(error: &ControlError) -> String {
    match error {
        ControlError::NotRunning(path) => {
            format!("{} 处没有正在运行的 Doorstep；请启动，或检查路径", path.display())
        }
        ControlError::Io { path, source } => {
            format!("无法与控制套接字 {} 通信：{source}", path.display())
        }
        ControlError::UnreadableAnswer(path) => {
            format!("{}：应答无法读取；请使用同一版本的 doorstep 程序", path.display())
        }
        ControlError::Refused(why) => format!("Doorstep 拒绝：{why}"),
    }
}

fn settings_error(error: &SettingsError) -> String {
    use SettingsError as E;
    match error {
        E::Count { what, max, count } => {
            format!("{}：有 {count} 个，须为 1 至 {max} 个", zh(what))
        }
        E::Text { what, text, rule } => {
            format!("{} `{text}` 须为{}", zh(what), zh(rule))
        }
        E::Duplicate { what, text } => {
            format!("{} `{text}` 给出了两次；请删除一个", zh(what))
        }
        E::Range { key, value, min, max, why } => {
            format!("{key} = {value}：须在 {min} 至 {max} 之间；{}", zh(why))
        }
        E::UnknownNetwork(prefix) => format!("卡段 `{prefix}` 指向配置中没有的卡组织"),
    }
}

fn unknown_dialect(UnknownDialect { name, known }: &UnknownDialect) -> String {
    format!("`{name}` 不是已知的报文规范；请用 {}", known.replace(" or ", "或"))
}

fn resume_error(error: &ResumeError) -> String {
    let one = |(over, counts): (&str, Vec<(&str, usize)>)| {
        let counted = |(what, count)| format!("{} {count} 笔", zh(what));
        let counts: Vec<_> = counts.into_iter().map(counted).collect();
        format!("配置中没有 {over}，但它有未了结的交易：{}", counts.join("，"))
    };
    error.unfinished().map(one).collect::<Vec<_>>().join("；")
}
