//! Refusals of the policy, and errors of its files and texts.

use std::error::Error;

use ::policy::{
    APPEAL_DAYS, DECISIONS_PER_OFFER_MAX, ENTRY_CHARS_MAX, MATCHES_MAX, MissingPolicyRecord,
    PolicyRefusal, RULES_MAX, RuleFault, SAMPLE_TEXTS_MAX, SAMPLES_MAX, TEXT_BYTES_MAX, TextPart,
    VERSIONS_MAX,
};
use listings::{
    CAPTIONS_MAX, OfferTextFault, PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX, PICTURE_SIDE_PIXELS_MAX,
    PICTURES_MAX, PictureFault, ScreenError, StoreError,
};
use reports::StatementFault;
use screening::file::{FILE_BYTES_MAX, PolicyFileError, PolicyProblem};
use screening::{PublicTextError, READINGS_MAX};

use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(policy_file_error))
        .or_else(|| error.downcast_ref().map(refusal))
        .or_else(|| error.downcast_ref().map(screen_error))
        .or_else(|| error.downcast_ref().map(store_error))
        .or_else(|| error.downcast_ref().map(text_fault))
        .or_else(|| error.downcast_ref().map(picture_fault))
        .or_else(|| error.downcast_ref().map(statement_fault))
}

fn policy_file_error(error: &PolicyFileError) -> String {
    let place = error.place.replacen("the file", "文件", 1).replacen("the version", "版本", 1);
    let place = place.replacen("line ", "行 ", 1).replacen("rule ", "规则 ", 1);
    format!("{place}：{}", policy_problem(&error.what))
}

fn names(english: &str) -> String {
    english.replace(" or ", "、").replace(", ", "、")
}

fn policy_problem(problem: &PolicyProblem) -> String {
    use PolicyProblem as P;
    match problem {
        P::FileTooLong => format!("规则文件最多 {FILE_BYTES_MAX} 字节；请缩短其词表"),
        P::NotToml => "这不是 TOML；请更正该行".to_owned(),
        P::MissingKey(key) => format!("缺少键 `{key}`；请补上"),
        P::UnknownKey(key, known) => format!("没有键 `{key}`；此处可用的键：{}", names(known)),
        P::UnknownValue(value, known) => {
            format!("此处没有 `{value}` 这个值；请写其中之一：{}", names(known))
        }
        P::SameKey => "此处有两个相同的键；请删除一个".to_owned(),
        P::WrongKind(_) => "值的类型不符；请参照文档改写".to_owned(),
        P::TooManyRules => format!("一个版本最多 {RULES_MAX} 条规则；请删减"),
        P::SameId => "两条规则的 id 相同；请改其中一个".to_owned(),
        P::Empty(key) => format!("`{key}` 为空；请填写"),
        P::EmptyEntry(key) => format!("`{key}` 中有空的一项；请删除"),
        P::NumberZero => "`number` 为 0；版本号从 1 开始".to_owned(),
        P::NotAPrice(text) => {
            format!("`{text}` 不是价格；请写数字，最多两位小数，例如 20.00")
        }
        P::ExampleForm => "例子的格式不对；请写一段文本，或 { text = \"…\", price = \"20.00\" }，\
             可加 `reference`：每一项都是带引号的文本"
            .to_owned(),
        P::PatternTooLarge(pattern) => {
            format!("模式 `{pattern}` 展开后过大；请减少或缩短重复")
        }
        P::TooManyReadings(word) => {
            format!("`{word}` 的读法超过 {READINGS_MAX} 种；请拆分，或改写为拼音")
        }
        P::TooLong(key) => format!("`{key}` 超过 {ENTRY_CHARS_MAX} 个字符；请缩短"),
        P::TooManyEntries(key, most) => format!("`{key}` 超过 {most} 项；请缩短"),
        P::Bidi(key) => format!("`{key}` 含有改变书写方向的字符；请删除"),
        P::ApprovedByAuthor => "批准人就是作者；请由另一人批准".to_owned(),
        P::EndsBeforeBegin { from, until } => {
            format!("结束日为 {until}，而开始日为 {from}；请更正 `until`")
        }
        P::NothingToMatch => {
            "没有词语、模式，也没有 `discount`；请增加一项，或删除该规则".to_owned()
        }
        P::NoExample(key) => format!("`{key}` 没有例子；请写一个说明规则含义的例子"),
        P::Vanishes(word) => {
            format!("经过规则的各步骤后 `{word}` 什么都不剩；请删除它，或去掉某个步骤")
        }
        P::Pattern(pattern, why) => {
            format!("模式 `{pattern}` 无效（{why}）；请写线性时间内可运行的模式")
        }
        P::MatchesNothing(pattern) => format!("模式 `{pattern}` 匹配空文本；请加长"),
        P::TooManyNeedles(why) => format!("词语无法编译（{why}）；请缩短词表"),
        P::DoesNotMatch(text) => format!("例子 `{text}` 应匹配而未匹配；请更正规则或例子"),
        P::Matches(text) => format!("例子 `{text}` 不应匹配而匹配了；请更正规则或例子"),
        P::Date(error) => zh_error(error),
        P::Rate(error) => zh_error(error),
        P::NoBound => "`suspended_after` 为 0；请写出几次改判后暂停规则".to_owned(),
    }
}

pub(super) fn refusal(refused: &PolicyRefusal) -> String {
    use PolicyRefusal as R;
    match refused {
        R::Books(refused) => super::books::refusal(refused),
        R::NotFound(what) => format!("没有{}；请核对编号", missing(what)),
        R::VersionNumber(next) => format!("下一个版本是第 {next} 版；请用该编号"),
        R::TooManyVersions => format!("已有 {VERSIONS_MAX} 个版本；不能再启用，请联系维护者"),
        R::VersionBegins => "该版本早于今天或早于上一版本生效；请将 `from` 改晚".to_owned(),
        R::TooManyRules => format!("该版本超过 {RULES_MAX} 条规则；请删减"),
        R::NoBound => "改判次数的界限为零；请将 `suspended_after` 设为 1 或更大".to_owned(),
        R::Rule(rule, fault) => format!("规则 `{rule}` {}", rule_fault(*fault)),
        R::ExampleFails(rule) => format!("规则 `{rule}` 有例子不成立；请更正规则或例子"),
        R::ExamplesNotMatched(count) => {
            format!("只核对了 {count} 个例子，而非全部；请核对所有规则的例子")
        }
        R::RuleSuspended(rule) => format!("规则 `{rule}` 已暂停；无需再做"),
        R::NoVersion => "今天没有生效的规则版本；请先启用一个版本".to_owned(),
        R::OtherVersion(version) => format!("生效的是第 {version} 版；请用该版本重新核对文本"),
        R::PricesChanged(offer) => format!("商品 {offer} 的价格已变；请重新核对文本"),
        R::MatchOrder => {
            "文本中的位置须按升序排列且不重复，`end` 须大于 `start`；请更正".to_owned()
        }
        R::TooManyMatches => format!("一个文本最多 {MATCHES_MAX} 处命中；请只给前面的"),
        R::PersonDecided(offer) => {
            format!("商品 {offer} 的该文本已由人工决定，规则没有发现别的内容；无需再做")
        }
        R::RuleAndPlace => {
            "阻止文本的决定须写明规则和文本中的位置，发布文本的决定两者都不写；请更正字段"
                .to_owned()
        }
        R::VerdictUnchanged => "该文本已是此结论；无需再做".to_owned(),
        R::TooManyDecisions(offer) => {
            format!("商品 {offer} 已有 {DECISIONS_PER_OFFER_MAX} 个决定；请另建商品")
        }
        R::NotScreened(offer) => {
            format!("商品 {offer} 的该文本尚未按现行规则核对；请先发送文本")
        }
        R::TextHeld(offer, rule) => {
            format!("商品 {offer} 的该文本被规则 `{rule}` 暂缓；请等待人工决定，或另写文本")
        }
        R::TextRefused(offer, rule) => {
            format!("商品 {offer} 的该文本被规则 `{rule}` 拒绝；请另写文本，或申诉")
        }
        R::NotTheSeller(offer, seller) => {
            format!("商品 {offer} 不属于卖家 {seller}；请由其卖家申诉")
        }
        R::NotAppealable(number) => {
            format!("决定 {number} 不是拒绝，也不是标注；没有可申诉的内容，请核对编号")
        }
        R::AppealTooLate => format!("该决定已超过 {APPEAL_DAYS} 天，维持不变；无需再做"),
        R::Appealed => "该决定此前已因其他理由申诉；请等待裁决".to_owned(),
        R::Judged => "此前已另有裁决，以先前的为准；无需再做".to_owned(),
        R::SampleSize => format!("样本为 1 到 {SAMPLE_TEXTS_MAX} 个文本；请另给数量"),
        R::SampleDays => "样本的结束日早于开始日；请将 `until` 设为 `from` 或更晚".to_owned(),
        R::NothingToSample => "这些天没有此类文本；请另选日期".to_owned(),
        R::TooManySamples => format!("已抽取 {SAMPLES_MAX} 个样本；不能再抽取，请联系维护者"),
    }
}

fn missing(what: &MissingPolicyRecord) -> String {
    use MissingPolicyRecord as M;
    match what {
        M::Offer(offer) => format!("商品 {offer}"),
        M::Rule(rule) => format!("生效的规则 `{rule}`"),
        M::Decision(offer, number) => format!("关于商品 {offer} 的决定 {number}"),
        M::Appeal(offer, number) => format!("对商品 {offer} 的决定 {number} 的未决申诉"),
        M::Sample(sample) => format!("样本 {sample}"),
        M::SampleText(sample, item) => format!("样本 {sample} 的文本 {item}"),
        M::Standing(offer) => format!("关于商品 {offer} 的该文本的有效决定"),
    }
}

fn rule_fault(fault: RuleFault) -> String {
    match fault {
        RuleFault::SameId => "与另一条规则的 id 相同；请改其中一个".to_owned(),
        RuleFault::Empty => "有空字段或空条目；请填写".to_owned(),
        RuleFault::TooLong => {
            format!("有超过 {ENTRY_CHARS_MAX} 个字符的条目，或 id 超过 64 字节；请缩短")
        }
        RuleFault::TooManyEntries => "有过长的列表；请缩短".to_owned(),
        RuleFault::Dates => "结束早于开始；请将 `until` 设在 `from` 之后".to_owned(),
        RuleFault::NothingToMatch => {
            "没有词语、模式，也没有 `discount`；请增加一项，或删除该规则".to_owned()
        }
        RuleFault::NoExample => "缺少必须命中或不得命中的例子；请补上".to_owned(),
    }
}

fn screen_error(error: &ScreenError) -> String {
    match error {
        ScreenError::NoOffer(offer) => format!("没有商品 {offer}；请核对编号"),
        ScreenError::NoText(content, offer) => {
            format!("没有保存商品 {offer} 的文本 {content}；请先发送文本")
        }
        ScreenError::Place(span) => format!(
            "该部分文字没有第 {} 至 {} 字节这一处：请指明有文字的部分，且起止于完整的字符",
            span.start, span.end
        ),
        ScreenError::NoVersion => "没有生效的规则版本；请先启用一个版本".to_owned(),
        ScreenError::Rule(rule, problem) => {
            format!("规则 `{rule}` 无法在此核对（{}）；请启用另一版本", policy_problem(problem))
        }
        ScreenError::Store(error) => store_error(error),
    }
}

fn store_error(error: &StoreError) -> String {
    match error {
        StoreError::ReadableByOthers(path) => {
            format!("{}：他人可读；请用 `chmod 600` 收回权限", path.display())
        }
        StoreError::Foreign(path) => {
            format!("{}：不是公开文本的文件；请从副本恢复", path.display())
        }
        StoreError::Failed(path, why) => {
            format!("{}：无法读写（{why}）；请检查磁盘", path.display())
        }
        StoreError::Text(fault) => text_fault(fault),
        StoreError::NoPicture(picture) => format!("图片 {picture} 未保存；请先发送"),
        StoreError::Full(path) => {
            format!("{}：没有空间保存更多图片；请擦除不用的文本", path.display())
        }
        StoreError::Damaged(content) => {
            format!("文本 {content} 已损坏；请从副本恢复公开文本的文件")
        }
    }
}

fn picture_fault(fault: &PictureFault) -> String {
    match fault {
        PictureFault::TooManyBytes => {
            format!("图片超过 {} MiB；请发送较小的图片", PICTURE_BYTES_MAX >> 20)
        }
        PictureFault::OtherFormat => "不是 JPEG、PNG 或 WebP 图片；请发送其中一种".to_owned(),
        PictureFault::TooManyPixels => format!(
            "图片单边超过 {PICTURE_SIDE_PIXELS_MAX} 像素，或总计超过 {PICTURE_PIXELS_MAX} \
             像素；请缩小"
        ),
        PictureFault::Damaged => "图片无法完整读取；请重新保存后发送该文件".to_owned(),
    }
}

fn statement_fault(fault: &StatementFault) -> String {
    use StatementFault as F;
    match fault {
        F::Held => "没有限制：文本暂缓，等待人工决定".to_owned(),
        F::NoCategory(rule) => format!("规则 `{rule}` 没有 `category`；请在下一版本中写明"),
        F::NotEuropean(rule, place) => format!("规则 `{rule}` 适用于 {place}，不是欧洲地区"),
        F::NoTerritory => "未写明自家规则适用的地区；请用 --territory 写明".to_owned(),
        F::Date(date) => format!("{date} 不在 2020-01-01 至 2038-01-01 之间"),
        F::TooLong(field, most) => {
            format!("`{field}` 超过 {most} 个字符；请在下一版本中缩短")
        }
    }
}

fn text_fault(fault: &OfferTextFault) -> String {
    match fault {
        OfferTextFault::NoTitle => "标题为空；请填写".to_owned(),
        OfferTextFault::TooManyCaptions => {
            format!("商品的图片说明超过 {CAPTIONS_MAX} 条；请删减")
        }
        OfferTextFault::TooManyPictures => format!("商品图片超过 {PICTURES_MAX} 张；请删减"),
        OfferTextFault::Language => "语言不是 `zh`、`en`、`pt-BR` 一类的标签；请更正".to_owned(),
        OfferTextFault::Part(part, fault) => {
            let part = match part {
                TextPart::Title => "标题".to_owned(),
                TextPart::Description => "描述".to_owned(),
                TextPart::Caption(number) => format!("图片说明 {}", u32::from(*number) + 1),
            };
            let fault = match fault {
                PublicTextError::TooLong(bytes) => {
                    format!("文本有 {bytes} 字节；请缩短到 {TEXT_BYTES_MAX}")
                }
                PublicTextError::NotUtf8(byte) => format!("第 {byte} 字节不是 UTF-8；请改用 UTF-8"),
                PublicTextError::Bidi(byte) => {
                    format!("第 {byte} 字节改变书写方向；请删除该字符")
                }
            };
            format!("{part}：{fault}")
        }
    }
}
