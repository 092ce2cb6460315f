//! The pages behind a signed link: one that asks, and one that says what became of it.
//!
//! Opening a link changes nothing, as mail scanners open links: the answer is a form, sent by `POST` to the same address. No
//! script, nothing from elsewhere, and nothing to tell where the reader came from, as the address is the key.

use cpm_domain::recovery::{Recovery, approval::MAX_REASON};

use crate::Error;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em;color:#222}\
dt{color:#666}dd{margin:0 0 .6em}button{font:inherit;padding:.5em 2em;margin-right:1em}\
textarea{font:inherit;width:100%;box-sizing:border-box}";

/// Asks. The form is sent to the address of the page, the link itself: fields `answer` (`yes` or `no`) and `reason`.
pub fn question(recovery: &Recovery) -> String {
    let until = recovery.approval.as_ref().map(|approval| approval.expires.to_string()).unwrap_or_default();
    let kind = recovery.plan.wanted.kind().to_string();
    let rows: Vec<(&str, String)> = vec![
        ("Who asks", recovery.asked_by.clone()),
        ("What", recovery.plan.source.clone().map_or(kind.clone(), |source| format!("{source} ({kind})"))),
        ("From", format!("backup {} of policy {}", recovery.backup, recovery.policy)),
        ("Into", format!("account {}, {}", recovery.account, recovery.region)),
        ("Asked at", recovery.started.to_string()),
        ("Answer until", until),
    ];
    let row = |(what, text): &(&str, String)| ["<dt>", what, "</dt><dd>", &escaped(text), "</dd>"].concat();
    let rows: String = rows.iter().map(row).collect();
    page(
        &format!("Recovery {}: yes or no?", recovery.id),
        &format!(
            "<dl>{rows}</dl><p>Nothing is made before somebody else than who asks says yes. See all of it with \
             <code>cpm recover show {}</code>.</p>\
             <form method=\"post\"><p><label>Why (may be left out)<br>\
             <textarea name=\"reason\" rows=\"3\" maxlength=\"{MAX_REASON}\"></textarea></label></p>\
             <p><button name=\"answer\" value=\"yes\">Yes, recover it</button>\
             <button name=\"answer\" value=\"no\">No</button></p></form>",
            recovery.id
        ),
    )
}

/// Says that the answer was taken.
pub fn answered(recovery: &Recovery) -> String {
    let answer = recovery.approval.as_ref().and_then(|approval| approval.answer.as_ref());
    let (word, what) = match answer {
        Some(answer) if answer.approved => ("approved", "It goes on now."),
        _ => ("refused", "It has ended, and nothing was made."),
    };
    let id = recovery.id;
    page(
        &format!("Recovery {id} is {word}"),
        &format!(
            "<p>{what} Your answer is on record; this link is used up. <code>cpm recover show {id}</code> shows it.</p>"
        ),
    )
}

/// Says why there is nothing to answer.
pub fn not_possible(error: &Error) -> String {
    let (message, advice) = match error {
        Error::BadInput { message, advice } | Error::Conflict { message, advice } => {
            (message.clone(), advice.clone())
        }
        // What went wrong inside is nothing for strangers.
        _ => ("this does not work at the moment".to_owned(), "try again in a minute".to_owned()),
    };
    page("No answer was taken", &format!("<p>{}</p><p>{}</p>", escaped(&message), escaped(&advice)))
}

fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta name=\"robots\" content=\"noindex\"><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use cpm_fakes::sample;

    use super::*;

    #[test]
    fn the_page_that_asks() {
        insta::assert_snapshot!(question(&sample::waiting(17)).replace("><", ">\n<"));
    }

    /// Names come from people: none of them becomes part of the page.
    #[test]
    fn what_people_wrote_is_text() {
        let mut recovery = sample::waiting(17);
        recovery.asked_by = "<script>alert('x')</script>\"&".to_owned();
        recovery.plan.source = Some("<b>".to_owned());
        let page = question(&recovery);
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"), "{page}");
    }

    #[test]
    fn what_is_wrong_inside_is_not_told() {
        let error = Error::Store(cpm_ports::StoreError::Refused("table arn:aws:…".to_owned()));
        assert!(!not_possible(&error).contains("arn:aws"));
        assert!(not_possible(&Error::conflict("a < b", "c")).contains("<p>a &lt; b</p><p>c</p>"));
    }
}
