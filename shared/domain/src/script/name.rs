//! What scripts are called in AWS.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, IdError, Region, id};

/// The most characters of a document's name or ARN in `ssm:SendCommand`.
const MAX_DOCUMENT: usize = 128;

fn is_partition(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix("aws-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

fn is_word(text: &str, most: usize, more: &[u8]) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
}

fn is_document(text: &str) -> bool {
    let is_name = |name: &str| name.len() >= 3 && is_word(name, MAX_DOCUMENT, b"_.-");
    let Some(arn) = text.strip_prefix("arn:") else { return is_name(text) };
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let &[partition, "ssm", region, account, resource] = parts.as_slice() else { return false };
    text.len() <= MAX_DOCUMENT
        && is_partition(partition)
        && region.parse::<Region>().is_ok()
        // AWS's own documents have no account.
        && (account.is_empty() || account.parse::<AccountId>().is_ok())
        && resource.strip_prefix("document/").is_some_and(is_name)
}

id!(
    /// A document of Systems Manager: its name, or the ARN of one that another account shares.
    DocumentName, "the name of a document of Systems Manager, or its ARN", "thaw-db", is_document
);

/// A Lambda function, by its whole ARN; a version or an alias may follow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionArn {
    text: String,
    region: Region,
    account: AccountId,
}

impl FunctionArn {
    /// As AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the function is.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Whose it is.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}

impl FromStr for FunctionArn {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError {
            text: text.to_owned(),
            what: "the ARN of a Lambda function",
            example: "arn:aws:lambda:us-east-1:111122223333:function:truncate-logs",
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (partition, region, account, name, qualifier) = match *parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", name] => {
                (partition, region, account, name, None)
            }
            ["arn", partition, "lambda", region, account, "function", name, qualifier] => {
                (partition, region, account, name, Some(qualifier))
            }
            _ => return Err(error()),
        };
        let is_qualifier = |text: &str| text == "$LATEST" || is_word(text, 128, b"_-");
        if !is_partition(partition) || !is_word(name, 64, b"_-") || !qualifier.is_none_or(is_qualifier) {
            return Err(error());
        }
        let region = region.parse().map_err(|_| error())?;
        let account = account.parse().map_err(|_| error())?;
        Ok(Self { text: text.to_owned(), region, account })
    }
}

impl TryFrom<String> for FunctionArn {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<FunctionArn> for String {
    fn from(arn: FunctionArn) -> Self {
        arn.text
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:truncate-logs", true)]
    #[case("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:a_b:prod", true)]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:x:$LATEST", true)]
    #[case("truncate-logs", false)]
    #[case("arn:aws:lambda:us-east-1:111122223333:layer:x", false)]
    #[case("arn:aws:lambda:useast1:111122223333:function:x", false)]
    #[case("arn:aws:lambda:us-east-1:1111:function:x", false)]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:", false)]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:a b", false)]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:x:1:2", false)]
    #[case("arn:awsome:lambda:us-east-1:111122223333:function:x", false)]
    #[case("arn:aws:s3:us-east-1:111122223333:function:x", false)]
    fn functions(#[case] text: &str, #[case] good: bool) {
        assert_eq!(text.parse::<FunctionArn>().is_ok(), good);
    }

    #[test]
    fn a_function_knows_its_region_and_account() {
        let arn: FunctionArn = "arn:aws:lambda:eu-west-1:111122223333:function:x".parse().unwrap();
        assert_eq!((arn.region().as_str(), arn.account().as_str()), ("eu-west-1", "111122223333"));
    }

    #[rstest]
    #[case("thaw-db", true)]
    #[case("AWS-RunShellScript", true)]
    #[case("a.b_c", true)]
    #[case(&"x".repeat(128), true)]
    #[case(&"x".repeat(129), false)]
    #[case("ab", false)]
    #[case("a/b", false)]
    #[case("a bc", false)]
    #[case("arn:aws:ssm:us-east-1:111122223333:document/thaw-db", true)]
    #[case("arn:aws:ssm:us-east-1::document/AWS-RunShellScript", true)]
    #[case("arn:aws:ssm:us-east-1:111122223333:document/a:b", false)]
    #[case("arn:aws:ssm:us-east-1:111122223333:parameter/abc", false)]
    #[case("arn:aws:lambda:us-east-1:111122223333:function:abc", false)]
    fn documents(#[case] text: &str, #[case] good: bool) {
        assert_eq!(text.parse::<DocumentName>().is_ok(), good);
    }
}
