//! Errors of the office: requests, persons, proposals, its socket.

use std::error::Error;

use ::office::client::OfficeClientError;
use ::office::fields::{Expected, ValueError, flag};
use ::office::sent_files::{FILES_BYTES_MAX, SENT_FILES_MAX};
use ::office::socket::{LINE_BYTES_MAX, LOOKS_MAX};
use ::office::{
    BooksRefusal, OfficeError, PERSONS_FILE, PROPOSALS_MAX, PersonsError, ProposalStoreError,
    RefusalDetail, RefusalInCurrency, SecondPerson, SentFilesError, amounts_in,
};
use books::{PAYOUT_RETURN_DAYS, PersonPart, StateNow};

use super::take::take_error;
use super::zh_error;
use crate::words::Lang;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(office_error))
        .or_else(|| error.downcast_ref().map(books_refusal))
        .or_else(|| error.downcast_ref().map(refusal_in_currency))
        .or_else(|| error.downcast_ref().map(persons_error))
        .or_else(|| error.downcast_ref().map(store_error))
        .or_else(|| error.downcast_ref().map(sent_files_error))
        .or_else(|| error.downcast_ref().map(value_error))
        .or_else(|| error.downcast_ref().map(client_error))
}

fn refusal_in_currency(refused: &RefusalInCurrency) -> String {
    let RefusalInCurrency { refusal, currency } = refused;
    amounts_in(super::books::engine(refusal), "（最小货币单位）", refusal, *currency)
}

fn flags(fields: &[String]) -> String {
    fields.iter().map(|field| flag(field)).collect::<Vec<_>>().join("、")
}

fn office_error(error: &OfficeError) -> String {
    use OfficeError as E;
    match error {
        E::UnknownCommand(name) => {
            format!("没有命令 `{name}`；请用 `doorstep do --list` 查看全部命令")
        }
        E::NotForPersons { command } => {
            format!("{command} 不由人员发出，而来自终端、卡组织和钱包；请在终端上办理")
        }
        E::UnknownField { command, field, known } => {
            format!("{command} 没有与 {} 对应的字段；请用其字段：{}", flag(field), flags(known))
        }
        E::MissingFields { command, missing } => {
            format!("{command} 缺少 {}；请见 `doorstep do {command} --help`", flags(missing))
        }
        E::Value { field, value, cause } => {
            format!("{} {value}：{}", flag(field), value_error(cause))
        }
        E::WhichChargeback { numbers } => format!(
            "该付款有拒付 {}；请用 --number 说明是哪一笔",
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("、")
        ),
        E::UnknownClass { class, known } => format!(
            "--class {class}：费率中没有该类别；其类别为：{}。请给出其一，或从 0 起的编号",
            known.join("、")
        ),
        E::UnknownTariff { tariff, known } => {
            let known = if known.is_empty() { "无".to_owned() } else { known.join("、") };
            format!(
                "--tariff {tariff}：账簿中没有该费率；现有：{known}。请先发布：\
                 `doorstep setup tariff`"
            )
        }
        E::Declared { command, why } => {
            format!("{command}：{why}；请见 `doorstep do {command} --help`")
        }
        E::NeedsPerson { command } => {
            format!("{command} 须说明由谁决定，而 API 密钥不是人员；请以人员身份登录")
        }
        E::NotPermitted { command } => {
            format!("您无权以这些字段发出 {command}；请向管理员申请相应角色，或请有该角色者办理")
        }
        E::RequestKeyTaken => "该请求键已用于另一请求；请使用新的请求键".to_owned(),
        E::Closed => "此 Doorstep 正在停止；请待其停止后重试".to_owned(),
        E::BooksNotOpen => "账簿尚未开账；请先运行 `doorstep setup books --data DIR`".to_owned(),
        E::NotTheOwner { user, owner } => {
            format!("您是用户 {user}，账簿属于用户 {owner}：请由其所有者开账")
        }
        E::UserNotMapped { user } => format!(
            "本机用户 {user} 不对应账簿中的任何人员；请账簿所有者用 `doorstep persons WHO --user \
             {user} --data DIR` 将该用户对应到人员"
        ),
        E::PersonNotRegistered { person } => {
            format!("人员 {person} 未在账簿中登记；请两人用 `doorstep setup person {person}` 登记")
        }
        E::ManyLooks => format!("已有 {LOOKS_MAX} 名用户正在查看账簿；请一分钟后再试"),
        E::Files(error) => sent_files_error(error),
        E::PersonInRealBooks => "这不是试用账簿：每名人员以其本机用户办理；请去掉 --person，\
                                 并以该人员的用户登录"
            .to_owned(),
        E::OtherCurrency { field, typed, expected } => format!(
            "{} 的币种是 {typed}，而这里用 {expected}；请用 {expected} 填写金额",
            flag(field)
        ),
        E::TrialTimeInRealBooks => "这不是试用账簿：时间即本机时间；请取消设置 \
                                    DOORSTEP_TRIAL_TIME 后重试"
            .to_owned(),
        E::OtherPerson { field } => {
            format!("{} 是另一人员；请去掉：即发出命令的人员本人", flag(field))
        }
        E::SecondPersonNamed { field } => format!(
            "{} 是第二人，须由其本人批准；请去掉，并由其运行 `doorstep approve NUMBER`",
            flag(field)
        ),
        E::OwnProposal { number } => {
            format!(
                "提议 {number} 是您本人提出的；须由第二人在 `doorstep serve` 运行时以其本人的用户\
                 （`doorstep persons WHO --user UID`）运行 `doorstep approve {number}` 批准；\
                 试用账簿中请加 --person WHO"
            )
        }
        E::UnknownProposal { number } => format!(
            "没有提议 {number}：已执行、已撤回或从未提出；请用 `doorstep proposals` \
             查看待批准的提议"
        ),
        E::ApprovalInterrupted { number, command, by } => format!(
            "人员 {by} 对提议 {number} 的批准在 23 小时以前中断；请用 `doorstep log --person {by}` \
             查看 {command} 是否已执行，然后用 `doorstep withdraw-proposal {number}` 撤回"
        ),
        E::Refused { command, refusal } => {
            format!("账簿拒绝 {command}：{}。未作改动", books_refusal(refusal))
        }
        E::ProposalRefused { number, command, refusal } => format!(
            "账簿拒绝 {command}：{}。未作改动，提议 {number} 保留：请稍后再批准，或用 `doorstep \
             withdraw-proposal {number}` 撤回",
            books_refusal(refusal)
        ),
        E::NotACode => {
            "--code 须为快递员的一次性验证码，六位数字；请输入快递员出示的数字".to_owned()
        }
        E::NoCodeKey => "一次性验证码需要密钥库：请在配置的 [keys] 中给出 `codes`，并给出配置\
                         （--config doorstep.toml，或 `doorstep serve`）；或由主管清点\
                         （`doorstep hand-over supervise`）"
            .to_owned(),
        E::CodeKey(why) => format!("无法计算一次性验证码的报文鉴别码：{why}；请检查密钥库"),
        E::NoSellerAccount { seller, currency } => format!(
            "账簿中没有以 {currency} 结算的卖家 `{seller}`；请先登记（`doorstep setup seller`），\
             或更正编码或币种"
        ),
        E::NoDataSubject { subject } => format!(
            "`{subject}` 不是个人信息的主体；请写 seller:编码，或 parcel: 加包裹编号、运单号或 \
             SELLER/ORDER"
        ),
        E::NoPersonalData { subject } => {
            format!(
                "保管库中没有 {subject} 的个人信息：从未录入，或已清除；请更正主体，或重新导入订单"
            )
        }
        E::Identity(error) => zh_error(error),
        E::NoSeller { seller } => {
            format!("账簿中没有卖家 `{seller}`；请更正编码，或先登记该卖家")
        }
        E::Account(error) => zh_error(error),
        E::Vault(error) => zh_error(error),
        E::Persons(error) => persons_error(error),
        E::Store(error) => store_error(error),
        E::Take(error) => take_error(error),
        E::NodeStopped(error) => format!(
            "账簿已停止（{}）；请用 `doorstep log` 查看命令是否已执行，然后重新启动",
            zh_error(error)
        ),
        E::Malformed(why) => format!("无法识别请求：{why}；请使用同一版本的 doorstep 程序"),
    }
}

fn books_refusal(refused: &BooksRefusal) -> String {
    match refused.detail.as_deref() {
        None => refusal_in_currency(&refused.refusal),
        Some(RefusalDetail::NotTheSecond(second)) => second_person(second),
        Some(RefusalDetail::State(state)) => state_now(*state),
        Some(RefusalDetail::NoPayment(typed)) => {
            format!("没有付款 `{typed}`；请用 `doorstep log --parcel WAYBILL` 查看付款的序号")
        }
        Some(RefusalDetail::NothingToInvoice { seller, to_come }) => {
            format!("卖家 {seller} 的应付余额不低于零，没有可开账单的欠款；尚待到账 {to_come}")
        }
        Some(RefusalDetail::NotThePaymentsSeller(seller)) => {
            format!("该差异的清算明细行写明了卖家 {seller} 的付款；请归于该卖家")
        }
    }
}

fn second_person(second: &SecondPerson) -> String {
    let part = |(person, part): &(String, PersonPart)| match part {
        PersonPart::Proposed => format!("人员 {person} 提出"),
        PersonPart::RaisedBreak => format!("人员 {person} 登记了差异"),
        PersonPart::Owned => format!("人员 {person} 是或曾是责任人"),
        PersonPart::AssignedBreak => format!("人员 {person} 指定了责任人"),
        PersonPart::ReclassifiedBreak => format!("人员 {person} 更正过差异归属"),
        PersonPart::Planned => format!("人员 {person} 作了该计划"),
        PersonPart::Counted => format!("人员 {person} 清点了现金"),
        PersonPart::AnnouncedDeposit => format!("人员 {person} 申报了缴存"),
        PersonPart::SentInvoice => format!("人员 {person} 开了账单"),
        PersonPart::Suspended => format!("人员 {person} 此前决定了暂停"),
        PersonPart::WithdrewNetwork => format!("人员 {person} 停用了卡组织"),
        PersonPart::Contested => format!("人员 {person} 提出了拒付抗辩"),
        PersonPart::Subject => format!("人员 {person} 是当事人"),
    };
    let parts = second.parts.iter().map(part).collect::<Vec<_>>().join("，");
    match &second.others[..] {
        [] => format!(
            "{parts}；第二人须为他人，而账簿中没有其他已登记的人员；请先登记一人（`doorstep setup \
             person {}`）",
            second.free
        ),
        others => format!("{parts}；第二人须为他人：{}", others.join(" 或 ")),
    }
}

fn state_now(state: StateNow) -> String {
    match state {
        StateNow::PlanNotApproved { plan, by_two: false } => {
            format!("结算计划 {plan} 尚未批准；请由第二人运行 `doorstep settlement approve {plan}`")
        }
        StateNow::PlanNotApproved { plan, by_two: true } => format!(
            "日历生成的结算计划 {plan} 尚未批准；须由两人批准：`doorstep settlement approve-cycle \
             {plan}`"
        ),
        StateNow::PlanOfPerson(plan) => format!(
            "结算计划 {plan} 由人员制定；请由第二人运行 `doorstep settlement approve {plan}`"
        ),
        StateNow::PlanRejected(plan) => {
            format!("结算计划 {plan} 已否决；请用 `doorstep settlement plan` 重新计划")
        }
        StateNow::PlanExecuted(plan) => {
            format!("结算计划 {plan} 已执行；请用 `doorstep payouts` 查看其打款")
        }
        StateNow::NoResolution(id) => {
            format!("差异 {id} 尚无处理提议；请先运行 `doorstep break propose {id}`")
        }
        StateNow::PayoutEnded(payout) => format!(
            "银行确认打款 {payout} 已超过 {PAYOUT_RETURN_DAYS} 天，不能再退回；请用调整分录由银行\
             账户记入卖家（`doorstep period adjust`）"
        ),
        StateNow::PaidInCash => {
            "该付款为现金，没有拒付；请给买家退款（`doorstep refund give`）".to_owned()
        }
        StateNow::OtherResolution(id) => {
            format!("差异 {id} 提议的是另一处理方式；请给出该方式，`doorstep breaks` 可查看")
        }
    }
}

fn persons_error(error: &PersonsError) -> String {
    use PersonsError as E;
    match error {
        E::ReadableByOthers(path) => {
            format!("{}：其他用户可以读取人员姓名；请对该文件运行 `chmod 600`", path.display())
        }
        E::Io { path, source } => {
            format!("{}：{source}；请检查该文件可读、可写", path.display())
        }
        E::NotATable { path, why } => {
            format!("{}：不是人员表：{why}；请更正，或移走该文件并重新写入人员", path.display())
        }
        E::NotAnId { path, text } => {
            format!("{}：`{text}` 不是人员编号；请写十进制数", path.display())
        }
        E::NotAUser { path, text } => {
            format!("{}：`{text}` 不是用户编号；请用 `id -u` 查看", path.display())
        }
        E::NotAName(name) => {
            format!(
                "`{name}` 不是姓名：须为 1 至 64 个字符，至少一个文字：文字、数字、空格和 .-'，\
                 不得混用拉丁、希腊、西里尔、亚美尼亚字母"
            )
        }
        E::Nobody => "0 不是任何人员的编号；请给出从 1 起的编号".to_owned(),
        E::NameTaken { person, name } => {
            format!("人员 {person} 已使用姓名 `{name}`；请换一种写法")
        }
        E::UserTaken { user, person } => {
            format!("用户 {user} 已对应人员 {person}；一个用户只对应一名人员，请另给用户")
        }
        E::PersonHasUser { user, person } => {
            format!("人员 {person} 已对应用户 {user}；一名人员只对应一个用户，请另给人员")
        }
        E::UnknownName(name) => format!(
            "数据目录的 {PERSONS_FILE} 中没有姓名 `{name}`；请给出人员编号，或在其中加入姓名"
        ),
        E::SamePerson => "提议人与批准人是同一人；须由第二人批准".to_owned(),
    }
}

fn sent_files_error(error: &SentFilesError) -> String {
    use SentFilesError as E;
    match error {
        E::Busy => "正在处理另一用户的文件；请在其完成后再试".to_owned(),
        E::TooLarge { bytes } => format!(
            "文件共 {bytes} 字节；经套接字最多 {FILES_BYTES_MAX}。请分开发送，\
             或由账簿所有者在 Doorstep 未运行时导入"
        ),
        E::Count { count } => {
            format!("有 {count} 个文件；经套接字一个请求须有 1 至 {SENT_FILES_MAX} 个。请分开发送")
        }
        E::Name(name) => format!("`{name}` 不能用作所发送文件的名称；请为文件改名"),
        E::DiskFull { free, needed } => format!(
            "账簿所在磁盘剩余 {free} 字节，文件需要 {needed}；请腾出空间后重新发送。未作改动"
        ),
        E::Cut(why) => format!("文件未全部到达：{why}。未作改动；请重新发送"),
        E::Kept { path, source } => {
            format!("{}：{source}；请检查账簿所在磁盘。未作改动", path.display())
        }
    }
}

fn store_error(error: &ProposalStoreError) -> String {
    use ProposalStoreError as E;
    match error {
        E::Io { path, source } => format!("{}：{source}；请检查磁盘和权限", path.display()),
        E::NotAProposal { path, why } => {
            format!("{}：不是提议：{why}；请移走该文件并重新提议", path.display())
        }
        E::TooMany => format!(
            "已有 {PROPOSALS_MAX} 项提议待批准；请先批准或撤回一部分（`doorstep proposals`）"
        ),
        E::TooLarge => "一项提议最多 1 MiB；请分开提议".to_owned(),
    }
}

fn value_error(error: &ValueError) -> String {
    match error {
        ValueError::Amount(error) => {
            format!("{}；{}", zh_error(error), expected(&Expected::Amount, Lang::Zh))
        }
        ValueError::Separator { text, found } => {
            format!("`{text}` 中有 `{found}`；请写作不带它的金额，例如 1234.50CNY")
        }
        ValueError::BelowZero(text) => format!("`{text}` 小于零；请去掉 `-`"),
        ValueError::Currency(error) => {
            format!("{}；{}", zh_error(error), expected(&Expected::Currency, Lang::Zh))
        }
        ValueError::Date(error) => zh_error(error),
        ValueError::Rate(error) => zh_error(error),
        ValueError::Time { given, .. } => {
            format!("`{given}` 不是时间；请写作 2013-08-28T18:00:00+08:00")
        }
        ValueError::BeforeTime => "时间早于 1970 年；请写作 2013-08-28T18:00:00+08:00".to_owned(),
        ValueError::Json(why) => {
            format!("JSON 有误：{why}；请写作 --fields '{{\"amount\": 1250}}'")
        }
        ValueError::Expected(one) => expected(one, Lang::Zh),
    }
}

/// How a field is written.
pub fn expected(expected: &Expected, lang: Lang) -> String {
    use Expected as E;
    if lang == Lang::En {
        return expected.to_string();
    }
    match expected {
        E::Amount => "请写带币种的金额，例如 12.50CNY，或 0".to_owned(),
        E::Rate => "请写百分比，例如 10.5%".to_owned(),
        E::Date => "请写日期，例如 2013-08-28".to_owned(),
        E::Currency => "请写货币代码，例如 CNY".to_owned(),
        E::Time => "请写时间，例如 2013-08-28T18:00:00+08:00，或 1970 年起的毫秒数".to_owned(),
        E::SignedAmount => "请写带币种的金额，例如 12.50CNY 或 -12.50CNY".to_owned(),
        E::Parcel => "请写运单号、包裹编号，或 SELLER/ORDER".to_owned(),
        E::Payment => "请写包裹（完整的运单号，或 SELLER/ORDER）和付款的序号：WAYBILL/1".to_owned(),
        E::Person => format!("请写人员编号，或 {PERSONS_FILE} 中的姓名"),
        E::IdOrReference => "请写编号，有名称者可写名称".to_owned(),
        E::Id => "请写编号".to_owned(),
        E::OneOf(names) => format!("请写其中之一：{}", names.join(" | ")),
        E::Number { least, most } => format!("请写 {least} 到 {most} 的整数"),
        E::List(item) => {
            format!("可写多个，以逗号分隔；每个{}", self::expected(item, lang))
        }
        E::Boolean => "请写 true 或 false".to_owned(),
        E::Text => "请写文字".to_owned(),
        E::Movement => "请按 `doorstep recon breaks` 所写填入账户变动，例如 `deposit 7` 或 \
                        `clearing-file alpha/3`"
            .to_owned(),
        E::Object(keys) => format!("请写 JSON 对象，其键为 {}", keys.join("、")),
    }
}

fn client_error(error: &OfficeClientError) -> String {
    use OfficeClientError as E;
    match error {
        E::NotServed(path) => {
            format!("{} 处没有正在运行的 Doorstep；请启动，或检查路径", path.display())
        }
        E::NotAllowed(path) => format!(
            "您的用户无权使用 {}；请账簿所有者在配置的 `[control]` 中允许一个用户组，\
             并由管理员将您加入该组",
            path.display()
        ),
        E::Io { path, source } => {
            format!(
                "无法与业务套接字 {} 通信：{source}；请重试，或重新启动 `doorstep serve`",
                path.display()
            )
        }
        E::OutcomeUnknown(why) => format!(
            "连接在应答之前中断（{why}）：请求可能已执行。重复之前请用 `doorstep log` 和 `doorstep \
             proposals` 查看；以相同内容重复时，若已执行，有编号的命令不会再执行一次"
        ),
        E::TooLarge => format!("一个请求最多 {LINE_BYTES_MAX} 字节；请分开发送"),
        E::File { path, source } => format!("{}：{source}；请检查路径后重新发送", path.display()),
        E::FileChanged(path) => {
            format!("{}：文件在发送时变短；请重新发送", path.display())
        }
        E::UnreadableAnswer(path) => {
            format!("{}：应答无法读取；请使用同一版本的 doorstep 程序", path.display())
        }
        E::Refused(why) => why.clone(),
    }
}
