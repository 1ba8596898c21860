//! Errors of notices and of the channels by which they leave.

use std::error::Error;

use ::channels::{AllowedServerError, MailSettingsError, SmsSettingsError, WebhookKeyError};
use ::notices::limits::{
    ADDRESS_BYTES_MAX, ADDRESSES_MAX, CONSENTS_MAX, ENDPOINTS_OF_OWNER_MAX, TABLE_BYTES_MAX,
    TABLE_ENTRIES_MAX, TABLE_VERSIONS_MAX,
};
use ::notices::{
    NOTICE_EVENTS, NoticeError, QuietHoursError, RecipientError, TableError, TableFault,
};

use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(notice_error))
        .or_else(|| error.downcast_ref().map(table_error))
        .or_else(|| error.downcast_ref().map(fault_text))
        .or_else(|| error.downcast_ref().map(recipient_error))
        .or_else(|| error.downcast_ref().map(quiet_hours_error))
        .or_else(|| error.downcast_ref().map(key_error))
        .or_else(|| error.downcast_ref().map(mail_error))
        .or_else(|| error.downcast_ref().map(sms_error))
        .or_else(|| error.downcast_ref().map(server_error))
}

fn recipient_error(error: &RecipientError) -> String {
    format!(
        "`{}` 不是收件方；请写 seller:、firm:、courier:、person:、buyer: 或 endpoint: 加编号，\
         或 staff、public",
        error.0
    )
}

fn quiet_hours_error(error: &QuietHoursError) -> String {
    format!("`{}` 不是免打扰时段；请写成 22:00-08:00 的形式", error.0)
}

fn server_error(error: &AllowedServerError) -> String {
    format!("`{}` 不是 主机:端口；如 hooks.example.internal:8443 或 [fd00::7]:443", error.0)
}

fn key_error(error: &WebhookKeyError) -> String {
    use WebhookKeyError as E;
    match error {
        E::Prefix => "webhook 密钥以 whsk_（ed25519）或 whsec_（HMAC）开头".to_owned(),
        E::NotBase64 { prefix } => format!("{prefix} 之后的密钥不是 base64"),
        E::HmacLength { bytes } => {
            format!("whsec_ 之后的密钥有 {bytes} 字节；应为 24 至 64 字节")
        }
        E::Ed25519 => "whsk_ 之后不是 ed25519 密钥：应为 32 字节的种子，可附其公钥".to_owned(),
        E::NoRandomness => "系统未给出随机数；请重试".to_owned(),
    }
}

fn mail_error(error: &MailSettingsError) -> String {
    use MailSettingsError as E;
    match error {
        E::From => "发件人不是邮箱地址；请写成 notices@example.com 的形式".to_owned(),
        E::Header(text) => format!("`{text}` 含邮件头不允许的字符；请用单行纯文本"),
        E::LoginWithoutTls => "密码将不经 TLS 发送；请用 STARTTLS 或 TLS，或不登录".to_owned(),
        E::Unsubscribe => "退订网址须以 https:// 开头（RFC 8058）".to_owned(),
    }
}

fn sms_error(error: &SmsSettingsError) -> String {
    use SmsSettingsError as E;
    match error {
        E::SystemId => "短信中心的 system id 须为 1 至 15 个无空格的 ASCII 字符",
        E::Password => "短信中心的密码最多 8 个无空格的 ASCII 字符",
        E::Sender => "短信的发送方须为数字、+ 加数字，或最多 11 个字母",
        E::CountryCode => "短信的国家代码须为 1 至 3 位数字",
        E::Time => "短信的时限为零；请给出秒数",
    }
    .to_owned()
}

fn notice_error(error: &NoticeError) -> String {
    use NoticeError as E;
    let doing = |english: &str| match english {
        "open" => "打开",
        "create" => "创建",
        "read" => "读取",
        "write to" => "写入",
        "start a thread for" => "启动线程：",
        _ => "使用",
    };
    match error {
        E::Sqlite { doing: step, path, source } => format!(
            "无法{} {}：{source}。账簿未受影响，也没有通知丢失；请清理该磁盘，\
             或结束占用该文件的进程",
            doing(step),
            path.display()
        ),
        E::Io { doing: step, path, source } => {
            format!("无法{} {}：{source}", doing(step), path.display())
        }
        E::ReadableByOthers(path) => {
            let path = path.display();
            format!("{path} 可被他人读取；应仅供所有者使用：`chmod go= {path}`")
        }
        E::NotOurs(path) => {
            format!("{} 不是本版本的通知文件；请移走，或使用更新的程序", path.display())
        }
        E::Damaged(path) => format!("{} 已损坏；请从备份恢复，或移走", path.display()),
        E::InUse => "另一进程正在发送这些通知：运行中的 Doorstep；请先结束它".to_owned(),
        E::NotTheNext { at, given } => format!(
            "通知在第 {at} 批，第 {given} 批不接续；未写入任何内容。请移走 notices.sqlite，\
             从日志末尾开始，并报告此问题"
        ),
        E::OtherJournal { batch } => format!(
            "通知在另一日志的第 {batch} 批；未写入任何内容。请移走 notices.sqlite，\
             从本日志末尾开始"
        ),
        E::AheadOfJournal { notices, end } => format!(
            "通知在第 {notices} 批，而日志止于第 {end} 批：日志缺批，或是另一日志。请恢复日志，\
             或移走 notices.sqlite，从其末尾开始"
        ),
        E::NoKey => {
            "通知的地址以保管库密钥加密，而没有该密钥：请在配置的 [keys] 中以 vault 指定".to_owned()
        }
        E::Key(error) => format!("用此保管库密钥无法解开通知的地址：{}", zh_error(error)),
        E::NoRandomness(error) => format!("系统未给出随机数：{error}"),
        E::WebhookKey(error) => key_error(error),
        E::NoAddress(number) => {
            format!("没有地址 {number}；`doorstep notices endpoint list` 列出全部")
        }
        E::NoSecret(number) => format!("地址 {number} 不是 webhook 接收地址：没有密钥"),
        E::NotReachedBy { owner, by } => format!("不能以 {by} 联系 {owner}"),
        E::Address => {
            format!("地址为 1 至 {ADDRESS_BYTES_MAX} 字节、无空格的可见文字；webhook 为 https 网址")
        }
        E::TooManyEndpoints(owner) => {
            format!("{owner} 已有 {ENDPOINTS_OF_OWNER_MAX} 个接收地址，已达上限；请先删除一个")
        }
        E::TooManyAddresses => format!("已有 {ADDRESSES_MAX} 个地址，已达上限；请先删除一个"),
        E::NoMailAddress(owner) => format!(
            "{owner} 没有接收日报的邮箱；请用 `doorstep notices endpoint add {owner} \
             --channel mail` 添加"
        ),
        E::NoEvent(event) => format!("没有通知事件 `{event}`；docs/notices.md 列出全部事件"),
        E::TooManyConsents => format!("一个收件方最多 {CONSENTS_MAX} 次授权"),
        E::NoTable(version) => format!("没有通知表第 {version} 版"),
        E::TooManyTables => format!("通知表已有 {TABLE_VERSIONS_MAX} 版，已达上限"),
        E::Table(error) => table_error(error),
        E::Replay(error) => zh_error(error),
        E::Recovery(error) => zh_error(error),
        E::Journal(error) => zh_error(error),
        E::Directory(error) => zh_error(error),
        E::Snapshot(error) => zh_error(error),
    }
}

fn table_error(error: &TableError) -> String {
    use TableError as E;
    match error {
        E::Form(why) => format!("通知表不是此形式的 TOML：{why}"),
        E::TooLong => format!("通知表超过 {TABLE_BYTES_MAX} 字节"),
        E::TooMany => format!("通知表超过 {TABLE_ENTRIES_MAX} 项"),
        E::Entry { number, event, fault } => {
            format!("第 {number} 项（事件 `{event}`）：{}", fault_text(fault))
        }
    }
}

fn fault_text(fault: &TableFault) -> String {
    use TableFault as F;
    match fault {
        F::Event => {
            let names: Vec<&str> = NOTICE_EVENTS.iter().map(|one| one.name).collect();
            format!("没有这个事件；可用的事件：{}", names.join("、"))
        }
        F::Audience(name) => format!("没有受众 `{name}`"),
        F::NotTold(name) => format!("此事件不通知 `{name}`"),
        F::Channel(name) => {
            format!("没有渠道 `{name}`；webhook 另有键 `webhooks`")
        }
        F::Twice(name) => format!("渠道 `{name}` 出现两次"),
        F::NotPublic => {
            "公开通知只经 weibo 发出，weibo 也只发公开通知；请用 `to = \"public\"`".to_owned()
        }
        F::NotABuyers => "买家只能以 sms 联系".to_owned(),
        F::Nobody => {
            "没有渠道，无人会收到通知；请在 `by` 中给出，或设 `webhooks = true`".to_owned()
        }
        F::Language(language) => format!("缺少 `{language}` 的文字"),
        F::Field { language, text, field } => {
            format!("`{language}` 的 `{text}`：此事件没有字段 `{field}`")
        }
        F::Brace { language, text } => {
            format!("`{language}` 的 `{text}`：`{{` 没有对应的 `}}`")
        }
        F::TooLong { language, text, found, max, by } => {
            format!("`{language}` 的 `{text}` 可达 {found} 个字符，{by} 最多 {max}")
        }
        F::Digest => "汇总只经 mail 发出".to_owned(),
        F::NotCorrected(to) => {
            format!("`{to}` 会收到日报而收不到更正；请为其添加 `report.corrected` 条目")
        }
        F::Repeated(name) => {
            format!("此事件对 `{name}` 上文已有一项；请在该项中写明全部渠道")
        }
    }
}
