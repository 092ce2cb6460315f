//! Reading any text whatever.

use proptest::prelude::*;

use super::parse;

proptest! {
    /// What cannot be read is told with a place in the text; nothing panics.
    #[test]
    fn any_text(text in "[a-z:\\-\\[\\]{}&*<\"'#>|!% \\n\\tü]{0,80}") {
        if let Err(fault) = parse("any.yaml", &text) {
            prop_assert!(fault.render(false).starts_with("error: "));
        }
    }

    /// Documents with a mistake somewhere.
    #[test]
    fn any_cut(at in 0usize..400, insert in "[:\\-\\[\\]{}&*\"'# \\n\\tü]{0,3}") {
        let whole = "\
accounts:
  - {name: main, type: backup, role: own, scan: {enabled: true, regions: [us-east-1, eu-west-1]}}
policies:
  - name: web
    description: 'front ends'
    account: main
    retry: {count: 3, wait: 10m}
    targets:
      - {instance: i-0123456789abcdef0, region: us-east-1, volumes: {exclude: [vol-0123456789abcdef0]}}
";
        let at = whole.floor_char_boundary(at.min(whole.len()));
        let text = format!("{}{insert}{}", &whole[..at], &whole[at..]);
        if let Err(fault) = parse("any.yaml", &text) {
            prop_assert!(fault.render(false).starts_with("error: "));
        }
    }
}
