//! Words, hosts, URLs, anchors and keywords that look like the web's: long tails, several scripts, punycode.

use super::hash::{Dice, base36};

const WORDS: &[&str] = &[
    "silver",
    "garden",
    "river",
    "market",
    "shoes",
    "coffee",
    "travel",
    "cloud",
    "paper",
    "running",
    "winter",
    "solar",
    "kitchen",
    "music",
    "bicycle",
    "design",
    "health",
    "forest",
    "camera",
    "planet",
    "studio",
    "bridge",
    "honey",
    "marble",
    "rocket",
    "window",
    "island",
    "violet",
    "copper",
    "meadow",
    "lantern",
    "harbour",
    "café",
    "straße",
    "niño",
    "čaj",
    "łódź",
    "привет",
    "東京",
    "서울",
];
const PLAIN_WORDS: usize = 32;
const TLDS: &[&str] = &[
    "com", "com", "com", "org", "net", "de", "co.uk", "io", "fr", "jp", "com.br", "gov", "edu",
];
const SUBDOMAINS: &[&str] = &[
    "",
    "",
    "",
    "www.",
    "www.",
    "blog.",
    "shop.",
    "xn--caf-dma.",
    "m.",
];
const ANCHORS: &[&str] = &[
    "",
    "click here",
    "website",
    "Read More",
    "here",
    "Visit site",
    "source",
    "Learn more »",
    "más información",
    "подробнее",
    "詳しくはこちら",
    "\"quoted\" anchor",
    "back\\slash",
    "👍 great",
    "Straße & Söhne",
    "HOME",
    "home",
];

fn plain_word(dice: Dice) -> &'static str {
    dice.pick(WORDS.get(..PLAIN_WORDS).unwrap_or(WORDS))
        .unwrap_or("word")
}

/// Some words, of any script.
pub(super) fn words(dice: Dice, count: u32) -> String {
    let mut text = String::new();
    for position in 0..count {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(dice.at(u64::from(position)).pick(WORDS).unwrap_or("word"));
    }
    text
}

/// The registrable name of the site with this number; no two numbers share one.
pub(super) fn root_name(dice: Dice, number: u32) -> String {
    let dice = dice.at(u64::from(number));
    let tld = dice.at(3).pick(TLDS).unwrap_or("com");
    format!(
        "{}{}{}.{tld}",
        plain_word(dice.at(1)),
        plain_word(dice.at(2)),
        base36(number)
    )
}

/// What stands before a registrable name, with its dot, or nothing.
pub(super) fn subdomain(dice: Dice) -> &'static str {
    dice.pick(SUBDOMAINS).unwrap_or("")
}

/// The path of a page; no two numbers share one. Some have upper case, some other scripts, raw or percent-encoded.
pub(super) fn path(dice: Dice, number: u32) -> String {
    let id = base36(number);
    match dice.at(1).below(12) {
        0 => format!("/Blog/{}-{id}", plain_word(dice.at(2))),
        1 => format!("/{}/{id}", words(dice.at(2), 2).replace(' ', "-")),
        2 => format!("/caf%C3%A9/{id}"),
        3 => format!("/index.php?id={id}&lang={}", language(dice.at(2))),
        4 => format!(
            "/{}/{}/{id}/",
            plain_word(dice.at(2)),
            plain_word(dice.at(3))
        ),
        _ => format!(
            "/{}-{}-{id}",
            plain_word(dice.at(2)),
            plain_word(dice.at(3))
        ),
    }
}

/// An anchor of a link to `host`: mostly one of a few, now and then a rare one.
pub(super) fn anchor(dice: Dice, host: &str) -> String {
    match dice.at(1).below(10) {
        0..3 => host.to_owned(),
        3..7 => {
            let rank = dice.at(2).skewed(u32::try_from(ANCHORS.len()).unwrap_or(1));
            ANCHORS
                .get(usize::try_from(rank).unwrap_or(0))
                .copied()
                .unwrap_or("")
                .to_owned()
        }
        7 => format!("https://{host}/"),
        _ => words(dice.at(3), 2 + dice.at(4).below(4)),
    }
}

/// An anchor or keyword that no other number has.
pub(super) fn unique_phrase(dice: Dice, number: u32) -> String {
    if let Some(known) = usize::try_from(number)
        .ok()
        .and_then(|rank| ANCHORS.get(rank))
    {
        return (*known).to_owned();
    }
    format!(
        "{} {}",
        words(
            dice.at(u64::from(number)),
            1 + dice.at(u64::from(number)).below(4)
        ),
        base36(number)
    )
}

/// A keyword that no other number has; never empty.
pub(super) fn keyword(dice: Dice, number: u32) -> String {
    let dice = dice.at(u64::from(number));
    format!(
        "{} {}",
        words(dice, 1 + dice.below(5)).to_lowercase(),
        base36(number)
    )
}

pub(super) fn language(dice: Dice) -> &'static str {
    dice.pick(&["en", "en", "en", "de", "fr", "es", "ja", "pt", "ru"])
        .unwrap_or("en")
}

pub(super) fn country(dice: Dice) -> &'static str {
    dice.pick(&[
        "US", "US", "US", "GB", "DE", "FR", "JP", "BR", "IN", "OTHER",
    ])
    .unwrap_or("US")
}

pub(super) fn address(dice: Dice) -> String {
    let part = |number| dice.at(number).below(254) + 1;
    format!("{}.{}.{}.{}", part(1), part(2), part(3), part(4))
}
