//! Notices, written and sent while Doorstep serves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ::notices::{
    ChannelRules, DeliveryRules, DriverEvent, DriverParts, FollowedNotices, KeptAddresses,
    NoticeBook, NoticeChannel, NoticeDriver, NoticeError, NoticeFigures, NoticeSender, Outbox,
    OverdueNotice, QuietHours, ToldPublication, ZoneOffsets, limits, tell_of_file,
    tell_of_proposal, tell_of_publication,
};
use ::pulse::store::{Publication, Publications};
use ::web::OverdueArrivals;
use anyhow::{Context, ensure};
use channels::{
    AllowedServers, HttpSettings, MailChannel, MailEncryption, MailSettings, NoticeLanguage,
    SmsBind, SmsChannel, SmsSettings, WebhookChannel, WechatChannel, WechatKind, WechatSettings,
    WechatSource, WechatTemplate, WecomChannel, WecomFormat, WeiboChannel, WeiboSettings,
    system_authorities,
};
use host::tls;
use node::{Clock, SystemClock};
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use serde::Deserialize;
use switch::in_range;
use vault::{Vault, VaultOptions};

use super::form::PlainForm;
use super::notice;
use super::overdue;
use super::pulse::PublishedBodies;
use super::settings::{plain_in, read_secret};
use crate::chinese;
use crate::time_zone::ResolvedZone;
use crate::words::{Lang, bilingual};

/// After a failure: a full disk, notices of another journal.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often the proposals of the office are looked at.
const PROPOSALS_EVERY: Duration = Duration::from_secs(2);
/// Of one send.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// A silent link to an SMS centre is tried after this time.
const ENQUIRE_AFTER: Duration = Duration::from_secs(30);
const DIGEST_MINUTES: u32 = 60;
const DIGEST_MINUTES_MAX: u32 = 24 * 60;
const PER_MINUTE_MAX: u32 = 100_000;
const SCENE_MAX: u16 = 10_000;
const WECHAT_API: &str = "https://api.weixin.qq.com";
const WEIBO_API: &str = "https://api.weibo.com";

/// Who is told what, and how it leaves. A channel without its section is off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesForm {
    /// Of buyers: `en` or `zh`.
    language: Option<LanguageForm>,
    quiet_hours: Option<String>,
    digest_minutes: Option<u32>,
    /// Servers with private addresses or plain HTTP that may be asked all the same.
    #[serde(default)]
    allow: Vec<String>,
    webhook: Option<WebhookForm>,
    mail: Option<MailForm>,
    sms: Option<SmsForm>,
    wecom: Option<WecomForm>,
    wechat: Option<WechatForm>,
    weibo: Option<WeiboForm>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LanguageForm {
    En,
    Zh,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookForm {
    authorities: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailForm {
    server: String,
    encryption: EncryptionForm,
    plain: Option<PlainForm>,
    authorities: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    from: String,
    from_name: String,
    hello_name: String,
    list_id: Option<String>,
    unsubscribe_url: Option<String>,
    per_minute: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EncryptionForm {
    Starttls,
    Tls,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SmsForm {
    server: String,
    #[serde(default)]
    tls: bool,
    plain: Option<PlainForm>,
    authorities: Option<PathBuf>,
    system_id: String,
    password_file: PathBuf,
    sender: String,
    country_code: Option<String>,
    per_minute: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WecomForm {
    authorities: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WechatForm {
    api: Option<String>,
    authorities: Option<PathBuf>,
    app_id: String,
    secret_file: PathBuf,
    #[serde(default)]
    template: Vec<TemplateForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateForm {
    event: String,
    template_id: String,
    url: Option<String>,
    /// `name=source` each: `title`, `text`, or a field of the event.
    #[serde(default)]
    fields: Vec<String>,
    scene: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeiboForm {
    api: Option<String>,
    authorities: Option<PathBuf>,
    app_domain: String,
}

/// What the settings say of notices.
pub struct NoticesPlan {
    rules: DeliveryRules,
    senders: BTreeMap<NoticeChannel, NoticeSender>,
    language: NoticeLanguage,
}

impl NoticesForm {
    /// Checks what needs no file.
    pub fn check(&self) -> anyhow::Result<()> {
        if let Some(minutes) = self.digest_minutes {
            let why = "a digest ends within a day";
            in_range("notices.digest_minutes", minutes, 1..=DIGEST_MINUTES_MAX, why)?;
        }
        let mail = self.mail.as_ref().and_then(|form| form.per_minute);
        let sms = self.sms.as_ref().and_then(|form| form.per_minute);
        for (key, per_minute) in
            [("notices.mail.per_minute", mail), ("notices.sms.per_minute", sms)]
        {
            if let Some(per_minute) = per_minute {
                in_range(key, per_minute, 1..=PER_MINUTE_MAX, "with 0 nothing is sent")?;
            }
        }
        for template in self.wechat.iter().flat_map(|form| &form.template) {
            if let Some(scene) = template.scene {
                let why = "WeChat has no other scenes";
                in_range("notices.wechat.template.scene", scene, 0..=SCENE_MAX, why)?;
            }
        }
        Ok(())
    }

    fn quiet_hours(&self) -> anyhow::Result<Option<QuietHours>> {
        let quiet = self.quiet_hours.as_deref().map(str::parse::<QuietHours>).transpose();
        quiet.context("notices.quiet_hours")
    }
}

/// Makes the channels that are on. Opens no connection.
pub fn plan(
    form: &NoticesForm,
    zone: &ResolvedZone,
    path: impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<NoticesPlan> {
    form.check()?;
    let quiet = form.quiet_hours()?;
    let minutes = u64::from(form.digest_minutes.unwrap_or(DIGEST_MINUTES));
    let allowed = AllowedServers::read(form.allow.iter().map(String::as_str));
    let allowed = allowed.context("notices.allow")?;
    let authorities = |file: &Option<PathBuf>| -> anyhow::Result<Vec<CertificateDer<'static>>> {
        Ok(match file {
            Some(file) => tls::certificates(&path(file))?,
            None => system_authorities(),
        })
    };
    let http = |file: &Option<PathBuf>| -> anyhow::Result<HttpSettings> {
        let (authorities, allowed) = (authorities(file)?, allowed.clone());
        Ok(HttpSettings { authorities, allowed, timeout: SEND_TIMEOUT })
    };
    let mut senders: BTreeMap<NoticeChannel, NoticeSender> = BTreeMap::new();
    let mut channels = BTreeMap::new();
    let usual = ChannelRules { quiet, ..ChannelRules::default() };
    if let Some(form) = &form.webhook {
        let http = http(&form.authorities).context("notices.webhook")?;
        senders.insert(NoticeChannel::Webhook, Arc::new(WebhookChannel::new(&http)));
        channels.insert(NoticeChannel::Webhook, ChannelRules::default());
    }
    if let Some(form) = &form.mail {
        let authorities = authorities(&form.authorities).context("notices.mail")?;
        let settings = mail_settings(form, authorities, &path).context("notices.mail")?;
        let mail = MailChannel::new(settings).context("notices.mail")?;
        senders.insert(NoticeChannel::Mail, Arc::new(mail));
        let digest_ms = Some(60_000 * minutes);
        let rules = ChannelRules { digest_ms, per_minute: form.per_minute, ..usual };
        channels.insert(NoticeChannel::Mail, rules);
    }
    if let Some(form) = &form.sms {
        let authorities = authorities(&form.authorities).context("notices.sms")?;
        let settings = sms_settings(form, authorities, &path).context("notices.sms")?;
        // Nothing waits for receipts: an SMS centre that took a text has it.
        let sms = SmsChannel::new(settings, Arc::new(|_| {})).context("notices.sms")?;
        senders.insert(NoticeChannel::Sms, Arc::new(sms));
        channels.insert(NoticeChannel::Sms, ChannelRules { per_minute: form.per_minute, ..usual });
    }
    if let Some(form) = &form.wecom {
        let http = http(&form.authorities).context("notices.wecom")?;
        let wecom = WecomChannel::new(&http, WecomFormat::Text);
        senders.insert(NoticeChannel::Wecom, Arc::new(wecom));
        let per_minute_each = Some(limits::ROBOT_PER_MINUTE_MAX);
        channels.insert(NoticeChannel::Wecom, ChannelRules { per_minute_each, ..usual });
    }
    if let Some(form) = &form.wechat {
        let http = http(&form.authorities).context("notices.wechat")?;
        let settings = wechat_settings(form, http, &path).context("notices.wechat")?;
        senders.insert(NoticeChannel::Wechat, Arc::new(WechatChannel::new(settings)));
        channels.insert(NoticeChannel::Wechat, usual);
    }
    if let Some(form) = &form.weibo {
        let http = http(&form.authorities).context("notices.weibo")?;
        let api = form.api.clone().unwrap_or_else(|| WEIBO_API.to_owned());
        let settings = WeiboSettings { http, api, app_domain: form.app_domain.clone() };
        senders.insert(NoticeChannel::Weibo, Arc::new(WeiboChannel::new(settings)));
        channels.insert(NoticeChannel::Weibo, usual);
    }
    let changes = zone.changes.iter().map(|one| (one.from.0, one.utc_offset_minutes));
    let zone = ZoneOffsets { first_minutes: zone.utc_offset_minutes, changes: changes.collect() };
    let language = match form.language {
        Some(LanguageForm::En) => NoticeLanguage::En,
        Some(LanguageForm::Zh) | None => NoticeLanguage::Zh,
    };
    Ok(NoticesPlan { rules: DeliveryRules { channels, zone }, senders, language })
}

/// A server's name and port.
fn server(text: &str) -> anyhow::Result<(String, u16)> {
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parts.filter(|(host, _)| !host.is_empty()).with_context(|| {
        bilingual!(
            "server: `{text}` is no name and port; write them as smtp.example.com:587",
            "server：`{text}` 不是名称和端口；请写成 smtp.example.com:587 的形式"
        )
    })?;
    Ok((host.to_owned(), port))
}

/// Without TLS everybody on the way reads who is told what, unless the server is on this machine or
/// the operator says otherwise.
fn check_plain(host: &str, section: &str, is_safe: bool) -> anyhow::Result<()> {
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let accept = plain_in(section);
    ensure!(
        is_safe || is_here,
        bilingual!(
            "server: {host} is not this machine, and without TLS everybody on the way can read \
             who is told what: use TLS. Where that is another's duty, {accept}",
            "server：{host} 不是本机；没有 TLS，途经者都能读取通知及其收件方：请使用 TLS。\
             若另有保护，{accept}"
        )
    );
    Ok(())
}

fn secret(path: &Path) -> anyhow::Result<SecretString> {
    Ok(SecretString::from(read_secret(path)?.trim()))
}

fn mail_settings(
    form: &MailForm,
    authorities: Vec<CertificateDer<'static>>,
    path: &impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<MailSettings> {
    let (server, port) = server(&form.server)?;
    let is_safe = !matches!(form.encryption, EncryptionForm::None) || form.plain.is_some();
    check_plain(&server, "[notices.mail]", is_safe)?;
    ensure!(
        form.user.is_some() == form.password_file.is_some(),
        bilingual!(
            "give `user` and `password_file`, or neither",
            "请同时给出 `user` 和 `password_file`，或都不给出"
        )
    );
    let password = form.password_file.as_ref().map(|file| secret(&path(file))).transpose()?;
    Ok(MailSettings {
        server,
        port,
        encryption: match form.encryption {
            EncryptionForm::Starttls => MailEncryption::StartTls,
            EncryptionForm::Tls => MailEncryption::Tls,
            EncryptionForm::None => MailEncryption::None,
        },
        authorities,
        login: form.user.clone().zip(password),
        hello_name: form.hello_name.clone(),
        from: form.from.clone(),
        from_name: form.from_name.clone(),
        list_id: form.list_id.clone(),
        unsubscribe_url: form.unsubscribe_url.clone(),
        timeout: SEND_TIMEOUT,
    })
}

fn sms_settings(
    form: &SmsForm,
    authorities: Vec<CertificateDer<'static>>,
    path: &impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<SmsSettings> {
    let (server, port) = server(&form.server)?;
    check_plain(&server, "[notices.sms]", form.tls || form.plain.is_some())?;
    Ok(SmsSettings {
        server,
        port,
        tls: form.tls,
        authorities,
        system_id: form.system_id.clone(),
        password: secret(&path(&form.password_file))?,
        bind: SmsBind::Transmitter,
        sender: form.sender.clone(),
        country_code: form.country_code.clone(),
        enquire_after: ENQUIRE_AFTER,
        timeout: SEND_TIMEOUT,
    })
}

fn wechat_settings(
    form: &WechatForm,
    http: HttpSettings,
    path: &impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<WechatSettings> {
    let mut templates = BTreeMap::new();
    for one in &form.template {
        ensure!(
            ::notices::event_named(&one.event).is_some(),
            bilingual!(
                "template: there is no event `{}` of notices; docs/notices.md has all",
                "template：没有通知事件 `{}`；docs/notices.md 列出全部事件",
                one.event
            )
        );
        let fields = one.fields.iter().map(|field| {
            let (name, source) = field.split_once('=').with_context(|| {
                bilingual!(
                    "template `{}`: write `{field}` as name=source",
                    "template `{}`：请将 `{field}` 写成 名称=来源",
                    one.event
                )
            })?;
            let source = match source {
                "title" => WechatSource::Title,
                "text" => WechatSource::Text,
                field => WechatSource::Payload(format!("/{field}")),
            };
            Ok((name.to_owned(), source))
        });
        let fields = fields.collect::<anyhow::Result<Vec<_>>>()?;
        let kind = match one.scene {
            Some(scene) => WechatKind::OneTime { scene },
            None => WechatKind::Subscription { fields },
        };
        let (template_id, url) = (one.template_id.clone(), one.url.clone());
        templates.insert(one.event.clone(), WechatTemplate { template_id, url, kind });
    }
    Ok(WechatSettings {
        http,
        api: form.api.clone().unwrap_or_else(|| WECHAT_API.to_owned()),
        app_id: form.app_id.clone(),
        app_secret: secret(&path(&form.secret_file))?,
        templates,
    })
}

/// Notices that are written and sent. Dropped, it sends nothing more and waits for what is being
/// sent.
pub struct NoticesService {
    outbox: Arc<Mutex<Outbox>>,
    addresses: Arc<KeptAddresses>,
    driver: Option<NoticeDriver>,
    stop: Arc<AtomicBool>,
    /// Dropped to end waits.
    ends: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts and stops notices, and changes what they go by: at the start, and with each reload.
pub struct NoticesSwitch {
    pub data: PathBuf,
    pub vault: VaultOptions,
    pub figures: Arc<NoticeFigures>,
    /// Of the pages, to which links in mails lead.
    pub origin: Option<String>,
    pub overdue: OverdueArrivals,
    pub service: Option<NoticesService>,
}

impl NoticesSwitch {
    /// Brings the settings in force.
    pub fn apply(&mut self, plan: Option<NoticesPlan>) -> anyhow::Result<()> {
        let Some(plan) = plan else {
            self.service = None;
            return Ok(());
        };
        match &self.service {
            Some(service) => service.change(plan),
            None => {
                let sources = (self.figures.clone(), self.overdue.clone(), self.origin.clone());
                let started = NoticesService::start(&self.data, plan, &self.vault, sources)?;
                self.service = Some(started);
            }
        }
        Ok(())
    }
}

impl NoticesService {
    fn start(
        data: &Path,
        plan: NoticesPlan,
        vault: &VaultOptions,
        (figures, overdue, origin): (Arc<NoticeFigures>, OverdueArrivals, Option<String>),
    ) -> anyhow::Result<Self> {
        ensure!(
            vault.key.is_some(),
            bilingual!(
                "[notices] needs a key that seals addresses: name it in [keys] as `vault`",
                "[notices] 需要加密地址的密钥：请在 [keys] 中以 `vault` 指定"
            )
        );
        let NoticesPlan { rules, senders, language } = plan;
        let outbox = Arc::new(Mutex::new(Outbox::open_to_send(data, rules)?));
        let book = Arc::new(Mutex::new(NoticeBook::open(data, vault.key.as_ref())?));
        let vault = Mutex::new(Vault::new(data, vault.clone()));
        let language = Mutex::new(language);
        let addresses = Arc::new(KeptAddresses { book: book.clone(), vault, language });
        let driver = NoticeDriver::start(DriverParts {
            outbox: outbox.clone(),
            book: book.clone(),
            addresses: addresses.clone(),
            bodies: Some(Arc::new(PublishedBodies {
                data: data.to_owned(),
                origin,
                book: book.clone(),
            })),
            senders,
            clock: Box::new(SystemClock),
            figures,
            on_event: Box::new(log_event),
        })?;
        let (stop, wake) = (Arc::new(AtomicBool::new(false)), driver.waker());
        let (end, ended) = channel::<()>();
        let proposals = Proposals {
            data: data.to_owned(),
            book: book.clone(),
            outbox: outbox.clone(),
            overdue,
            wake: Box::new(driver.waker()),
        };
        let (stopped, data, own) = (stop.clone(), data.to_owned(), outbox.clone());
        let follower =
            std::thread::Builder::new().name("doorstep-noticed".into()).spawn(move || {
                let mut said = String::new();
                while !stopped.load(Ordering::Relaxed) {
                    let (book, outbox) = (book.clone(), own.clone());
                    let Err(error) = follow(&data, (book, outbox), &stopped, &wake) else { return };
                    let why = chinese::error(&error, Lang::current());
                    // Said once, not every second.
                    if why != said {
                        tracing::error!(target: "notices", why, "no notices are written");
                        said = why;
                    }
                    // Ends at once when the sender is dropped.
                    let _ = ended.recv_timeout(TRY_AGAIN_AFTER);
                }
            })?;
        let (end_proposals, proposals_end) = channel::<()>();
        let proposed = std::thread::Builder::new().name("doorstep-proposed".into());
        let proposed = proposed.spawn(move || proposals.tell_until(&proposals_end))?;
        let (ends, threads) = (vec![end, end_proposals], vec![follower, proposed]);
        Ok(NoticesService { outbox, addresses, driver: Some(driver), stop, ends, threads })
    }

    fn change(&self, plan: NoticesPlan) {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        outbox.set_rules(plan.rules);
        drop(outbox);
        let language = self.addresses.language.lock();
        *language.unwrap_or_else(PoisonError::into_inner) = plan.language;
        if let Some(driver) = &self.driver {
            driver.set_senders(plan.senders);
        }
    }
}

fn follow(
    data: &Path,
    (book, outbox): (Arc<Mutex<NoticeBook>>, Arc<Mutex<Outbox>>),
    stop: &AtomicBool,
    wake: &impl Fn(),
) -> Result<(), NoticeError> {
    let mut followed = FollowedNotices::open(data, book, outbox, &notice)?;
    let mut is_first = true;
    followed.follow(stop, &mut |batch, count| {
        if is_first {
            let batch = batch.number();
            tracing::info!(target: "notices", batch, "notices follow the journal");
            is_first = false;
        }
        if count > 0 {
            wake();
        }
    })
}

/// Tells of proposals, of overdue files and of the daily report, which the journal does not have.
struct Proposals {
    data: PathBuf,
    book: Arc<Mutex<NoticeBook>>,
    outbox: Arc<Mutex<Outbox>>,
    overdue: OverdueArrivals,
    wake: Box<dyn Fn() + Send>,
}

impl Proposals {
    /// Until the sender is dropped.
    fn tell_until(&self, end: &Receiver<()>) {
        let mut said = String::new();
        while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(PROPOSALS_EVERY) {
            match self.tell() {
                Ok(0) => {}
                Ok(_) => (self.wake)(),
                Err(why) if why == said => {}
                Err(why) => {
                    tracing::error!(target: "notices", why, "nobody is told of proposals");
                    said = why;
                }
            }
        }
    }

    /// Tells of what is new. Returns how many notices that made.
    fn tell(&self) -> Result<usize, String> {
        let of = |error: &(dyn std::error::Error + 'static)| chinese::error(error, Lang::current());
        let last = self.outbox.lock().unwrap_or_else(PoisonError::into_inner).last_proposal();
        // Before the journal is followed there is nothing to write into.
        let Some(last) = last.map_err(|error| of(&error))? else { return Ok(0) };
        let mut count = 0;
        for one in office::proposals_after(&self.data, last).map_err(|error| of(&error))? {
            let what = (one.number, one.command.as_str());
            let told = tell_of_proposal(what, one.proposed_at_ms, &self.book, &self.outbox);
            count += told.map_err(|error| of(&error))?;
        }
        for one in overdue::known(&self.overdue).unwrap_or_default() {
            let file = OverdueNotice {
                sender: &one.sender,
                lane: one.lane,
                file_day: &one.file_day,
                due: &one.due,
                items: one.items,
            };
            let told = tell_of_file(file, SystemClock.now().0, &self.book, &self.outbox);
            count += told.map_err(|error| of(&error))?;
        }
        Ok(count + self.tell_of_publications()?)
    }

    /// Tells of reports and corrections that are new.
    fn tell_of_publications(&self) -> Result<usize, String> {
        let of = |error: &(dyn std::error::Error + 'static)| chinese::error(error, Lang::current());
        let outbox = || self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let last = outbox().last_publication().map_err(|error| of(&error))?;
        let Some(last) = last else { return Ok(0) };
        let store = Publications::of(&self.data);
        let numbers = store.numbers().map_err(|error| of(&error))?;
        if last < 0 {
            // Of what was there before nobody is told.
            let end = numbers.last().copied().unwrap_or(0);
            outbox().record_publication(end, &[]).map_err(|error| of(&error))?;
            return Ok(0);
        }
        let mut count = 0;
        for number in numbers.into_iter().filter(|number| *number > last.unsigned_abs()) {
            let one = store.read(number).map_err(|error| of(&error))?;
            let corrected = match &one {
                Publication::Report(_) => None,
                Publication::Correction(correction) => Some(correction.of),
            };
            let at_ms = SystemClock.now().0;
            let told = ToldPublication { number, of: corrected, day: one.day(), at_ms };
            let told = tell_of_publication(told, &self.book, &self.outbox);
            count += told.map_err(|error| of(&error))?;
        }
        Ok(count)
    }
}

fn log_event(event: DriverEvent) {
    match event {
        DriverEvent::Recovered { count } => {
            let message = "notices were being sent when the last process ended";
            tracing::warn!(target: "notices", count, "{message}");
        }
        DriverEvent::Fault(error) => {
            let why = chinese::error(&error, Lang::current());
            tracing::error!(target: "notices", why, "notices wait");
        }
        DriverEvent::NotDelivered { recipient, channel, outcome } => {
            let (recipient, channel) = (recipient.to_string(), channel.name());
            let outcome = format!("{outcome:?}");
            tracing::info!(target: "notices", recipient, channel, outcome, "not delivered");
        }
    }
}

impl Drop for NoticesService {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ends.clear();
        for thread in self.threads.drain(..) {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
        if let Some(driver) = self.driver.take() {
            driver.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_plain;

    #[test]
    fn without_tls_notices_stay_on_this_machine_unless_the_operator_says_otherwise() {
        for here in ["127.0.0.1", "127.8.8.8", "::1", "localhost"] {
            check_plain(here, "[notices.mail]", false).unwrap();
        }
        for beyond in ["smtp.example.com", "10.0.0.7", "0.0.0.0", "localhost.example.com"] {
            let error = check_plain(beyond, "[notices.sms]", false).unwrap_err().to_string();
            let accept = "write plain = \"i-know\" in [notices.sms]";
            assert!(error.contains(beyond) && error.contains(accept), "{error}");
            check_plain(beyond, "[notices.sms]", true).unwrap();
        }
    }
}
