//! WeCom, WeChat and Weibo against stubs that check as the platforms do, and Apprise.

use std::collections::BTreeMap;

use channels::{
    Channel, HttpSettings, WechatChannel, WechatKind, WechatSettings, WechatSource, WechatTemplate,
    WecomChannel, WecomFormat, WeiboChannel, WeiboSettings,
};
use serde_json::{Value, json};

use crate::peer::{
    IMPATIENT, PATIENT, Peer, assert_failed, assert_gone, assert_not_known, assert_refused,
    delivered, http_to, notice,
};

fn platforms() -> (Peer, HttpSettings) {
    let peer = Peer::python("platforms.py", &[]);
    let http = http_to(peer.port, PATIENT);
    (peer, http)
}

fn robot(peer: &Peer, key: &str) -> String {
    format!("http://127.0.0.1:{}/cgi-bin/webhook/send?key={key}", peer.port)
}

#[test]
fn a_robot_gets_what_apprise_sends() {
    let (mut peer, http) = platforms();
    let text = "货款已付\n第 17 号付款单 \"CNY 100.00\"";
    peer.tell("apprise 货款已付 第 17 号付款单 \"CNY 100.00\"");
    let theirs = peer.next();
    let channel = WecomChannel::new(&http, WecomFormat::Text);
    let (title, rest) = text.split_once('\n').unwrap();
    let address = robot(&peer, "robot-1");
    assert_eq!(channel.send(&notice(title, rest, &Value::Null), &address), delivered(None));
    let mut ours = peer.next();
    // Apprise joins a title and a text itself; the lines of our peers have no breaks.
    let content = ours["body"]["text"]["content"].as_str().unwrap();
    assert_eq!(content, text);
    ours["body"]["text"]["content"] = content.replace('\n', " ").into();
    for key in ["path", "query", "kind", "body"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
}

#[test]
fn a_robot_takes_text_and_markdown_up_to_their_limits() {
    let (peer, http) = platforms();
    let address = robot(&peer, "robot-1");
    for (format, most) in [(WecomFormat::Text, 2_048), (WecomFormat::Markdown, 4_096)] {
        let channel = WecomChannel::new(&http, format);
        let fits = "款".repeat(most / 3);
        assert_eq!(channel.send(&notice("", &fits, &Value::Null), &address), delivered(None));
        peer.next();
        let longer = "款".repeat(most / 3 + 1);
        let outcome = channel.send(&notice("", &longer, &Value::Null), &address);
        assert_refused(&outcome, "a robot takes 1 to");
        assert_refused(&channel.send(&notice("", "", &Value::Null), &address), "0 bytes");
    }
    let channel = WecomChannel::new(&http, WecomFormat::Markdown);
    let sent = notice("货款<已付>", "[开票](http://x) <@all>", &Value::Null);
    assert_eq!(channel.send(&sent, &address), delivered(None));
    let content = "**货款＜已付＞**\n［开票］(http://x) ＜@all＞";
    assert_eq!(peer.next()["body"]["markdown"]["content"], content);
}

#[test]
fn what_wecom_answers_decides() {
    let (peer, http) = platforms();
    let channel = WecomChannel::new(&http, WecomFormat::Text);
    let sent = notice("Paid", "Payout 17 was sent", &Value::Null);
    let send = |key: &str| channel.send(&sent, &robot(&peer, key));
    assert_gone(&send("robot-removed"));
    assert_eq!(assert_failed(&send("robot-busy"), "45009"), Some(60_000));
    assert_refused(&send("robot-other"), "40003");
    assert_not_known(&send("empty"));
    assert_not_known(&send("long"));
    assert_not_known(&send("cut"));
    assert_not_known(&send("gateway"));
    assert_eq!(assert_failed(&send("overloaded"), "503"), Some(9_000));
    let forbidden = send("forbidden");
    assert_refused(&forbidden, "403");
    assert!(!format!("{forbidden:?}").contains("forbidden"), "the key is a secret");
    let outcome = channel.send(&sent, "https://robots.example/cgi-bin/webhook/send?key=k");
    assert_refused(&outcome, "not of qyapi.weixin.qq.com");
    let impatient = WecomChannel::new(&http_to(peer.port, IMPATIENT), WecomFormat::Text);
    assert_not_known(&impatient.send(&sent, &robot(&peer, "slow")));
}

fn wechat(peer: &Peer, http: HttpSettings, secret: &str) -> WechatChannel {
    let field = |name: &str, source| (name.to_owned(), source);
    let subscription = WechatTemplate {
        template_id: "tmpl-payout".to_owned(),
        url: Some("https://doorstep.example/payouts".to_owned()),
        kind: WechatKind::Subscription {
            fields: vec![
                field("thing1", WechatSource::Title),
                field("amount2", WechatSource::Payload("/amount".to_owned())),
            ],
        },
    };
    let one_time = WechatTemplate {
        template_id: "tmpl-once".to_owned(),
        url: None,
        kind: WechatKind::OneTime { scene: 7 },
    };
    let unknown = WechatTemplate { template_id: "tmpl-none".to_owned(), ..subscription.clone() };
    WechatChannel::new(WechatSettings {
        http,
        api: format!("http://127.0.0.1:{}", peer.port),
        app_id: "wx0123456789abcdef".to_owned(),
        app_secret: secret.to_owned().into(),
        templates: BTreeMap::from([
            ("payout.sent".to_owned(), subscription),
            ("parcel.out".to_owned(), one_time),
            ("parcel.lost".to_owned(), unknown),
        ]),
    })
}

#[test]
fn a_subscription_message_has_the_fields_of_its_template() {
    let (peer, http) = platforms();
    let channel = wechat(&peer, http, "correct-horse");
    let payload = json!({ "amount": "¥100.00", "count": 1.5 });
    let sent = notice("货款已付", "第 17 号付款单", &payload);
    for _ in 0..2 {
        assert_eq!(channel.send(&sent, "oFollower_1"), delivered(Some("2571234567890123456")));
    }
    let token = peer.next();
    assert_eq!(token["path"], "/cgi-bin/stable_token");
    assert_eq!(token["query"], json!({}), "the secret is in no URL");
    // One token for both.
    for _ in 0..2 {
        let message = peer.next();
        assert_eq!(message["path"], "/cgi-bin/message/subscribe/bizsend");
        assert_eq!(message["query"], json!({ "access_token": "token_1" }));
        let expected = json!({
            "touser": "oFollower_1",
            "template_id": "tmpl-payout",
            "page": "https://doorstep.example/payouts",
            "data": { "thing1": { "value": "货款已付" }, "amount2": { "value": "¥100.00" } },
        });
        assert_eq!(message["body"], expected);
    }
    let long = notice("一二三四五六七八九十一二三四五六七八九十一", "", &payload);
    assert_refused(&channel.send(&long, "oFollower_1"), "21 characters; WeChat takes 20");
    let without = json!({ "amount": 1.5 });
    let sent = notice("货款已付", "", &without);
    assert_refused(&channel.send(&sent, "oFollower_1"), "the field amount2");
}

#[test]
fn a_one_time_message_needs_a_consent_each() {
    let (peer, http) = platforms();
    let channel = wechat(&peer, http, "correct-horse");
    let mut sent = notice("包裹派送中", "您的包裹今天送达", &Value::Null);
    sent.event = "parcel.out";
    assert_eq!(channel.send(&sent, "oFollower_1"), delivered(None));
    assert_gone(&channel.send(&sent, "oFollower_1"));
    sent.title = "一二三四五六七八九十一二三四五六";
    assert_refused(&channel.send(&sent, "oFollower_1"), "16 characters; WeChat takes 15");
}

#[test]
fn what_wechat_answers_decides() {
    let (peer, http) = platforms();
    let channel = wechat(&peer, http.clone(), "correct-horse");
    let payload = json!({ "amount": 100 });
    let mut sent = notice("货款已付", "", &payload);
    // The first token ends early: it is fetched once more, and the message goes out once.
    assert_eq!(channel.send(&sent, "oTwice"), delivered(Some("2571234567890123456")));
    let paths: Vec<_> = (0..4).map(|_| peer.next()["path"].clone()).collect();
    assert_eq!(paths[0], paths[2]);
    assert_eq!(paths[1], paths[3]);
    assert_gone(&channel.send(&sent, "oRefuses"));
    assert_refused(&channel.send(&sent, "oNobody"), "40003");
    assert_refused(&channel.send(&sent, "o/../x"), "open id");
    sent.event = "parcel.lost";
    assert_refused(&channel.send(&sent, "oFollower_1"), "40037");
    sent.event = "parcel.found";
    assert_refused(&channel.send(&sent, "oFollower_1"), "no template");
    sent.event = "payout.sent";
    let wrong = wechat(&peer, http, "wrong-horse").send(&sent, "oFollower_1");
    assert_failed(&wrong, "no access token: errcode 40125");
}

#[test]
fn a_post_has_a_link_to_the_own_domain_and_at_most_140_characters() {
    let (peer, http) = platforms();
    let api = format!("http://127.0.0.1:{}", peer.port);
    let app_domain = "doorstep.example".to_owned();
    let channel = WeiboChannel::new(WeiboSettings { http, api, app_domain });
    let send = |text: &str, token: &str| channel.send(&notice("", text, &Value::Null), token);
    let token = "2.00token";
    let link = "https://doorstep.example/n/1";
    let fits = format!("{}&=% {link}", "款".repeat(140 - 4 - link.len()));
    assert_eq!(send(&fits, token), delivered(Some("5098765432109876")));
    let seen = peer.next();
    assert_eq!(seen["body"], json!({ "access_token": [token], "status": [fits] }));
    assert_eq!(seen["query"], json!({}), "the token is in no URL");
    assert_refused(&send(&format!("x{fits}"), token), "141 characters");
    // Without a link of its own a post gets one; a title that does not fit beside the text is left.
    assert_eq!(
        send("见 https://doorstep.example.org/", token),
        delivered(Some("5098765432109876"))
    );
    let seen = peer.next()["body"]["status"].clone();
    assert_eq!(seen, json!(["见 https://doorstep.example.org/ https://doorstep.example/"]));
    let long = "款".repeat(110);
    let titled = notice(&long, &long, &Value::Null);
    assert_eq!(channel.send(&titled, token), delivered(Some("5098765432109876")));
    let seen = peer.next()["body"]["status"].clone();
    assert_eq!(seen, json!([format!("{long} https://doorstep.example/")]));
    assert_gone(&send(link, "2.00expired"));
    assert_gone(&send(link, "2.00other"));
    assert_refused(&send(link, "2.00&status=x"), "access token");
    let often = format!("often {link}");
    assert_eq!(assert_failed(&send(&often, token), "20016"), Some(3_600_000));
}
