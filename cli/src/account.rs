//! `cpm account`.

use clap::Subcommand;
use comfy_table::Cell;
use cpm_contracts::api::{AccountView, Accounts, Applied};
use cpm_domain::{
    account::{Account, Role},
    id::Region,
    name::AccountName,
};

use crate::{
    command::{Answer, Outcome},
    deployment::Session,
    plan,
    table::{Layout, cell, fields, firm, maybe, table, text},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all accounts
    List,
    /// Show an account
    Show {
        /// Its name
        name: AccountName,
    },
    /// Remove an account that no policy works in
    Delete {
        /// Its name
        name: AccountName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Carries a command out.
pub(crate) async fn run(session: &Session, command: Command) -> Answer {
    let deployment = session.deployment().await?;
    match command {
        Command::List => {
            let all: Accounts = deployment.client.get(&["accounts"], &[]).await?;
            session.screen.answer(&all.accounts, |layout| list(layout, &all.accounts))?;
        }
        Command::Show { name } => {
            let account: AccountView = deployment.client.get(&["accounts", name.as_str()], &[]).await?;
            session.screen.answer(&account, |layout| show(layout, &account))?;
        }
        Command::Delete { name, yes } => {
            if !yes && !session.screen.confirm(&format!("Delete the account `{name}`?"))? {
                return Ok(Outcome::Bad);
            }
            let applied: Applied = deployment.client.delete(&["accounts", name.as_str()]).await?;
            session.screen.answer(&applied, |layout| plan::applied(layout, &applied))?;
        }
    }
    Ok(Outcome::Good)
}

fn list(layout: Layout, accounts: &[AccountView]) -> String {
    if accounts.is_empty() {
        return "There is no account yet. Write one into a policy file and `cpm apply -f FILE` it.\n".to_owned();
    }
    let columns = [firm("NAME"), firm("TYPE"), text("ROLE"), text("TAG SCAN"), text("POLICIES")];
    let row = |view: &AccountView| {
        vec![
            cell(&view.account.name),
            cell(view.account.kind.as_str()),
            cell(role(&view.account)),
            cell(scan(&view.account)),
            names(&view.policies),
        ]
    };
    table(layout, &columns, accounts.iter().map(row).collect())
}

fn show(layout: Layout, view: &AccountView) -> String {
    let account = &view.account;
    let (number, external_id) = match &account.role {
        Role::Own(_) => (None, None),
        Role::Assumed(role) => (Some(&role.account), role.external_id.as_ref()),
    };
    let shown = vec![
        ("account", Some(cell(&account.name))),
        ("type", Some(cell(account.kind.as_str()))),
        ("number", number.map(cell)),
        ("role", Some(cell(role(account)))),
        ("external id", external_id.map(cell)),
        ("tag scan", Some(cell(scan(account)))),
        ("policies", Some(names(&view.policies))),
    ];
    fields(layout, shown)
}

fn role(account: &Account) -> String {
    match &account.role {
        Role::Own(_) => "own".to_owned(),
        Role::Assumed(role) => format!("{} in {}", role.name, role.account),
    }
}

fn scan(account: &Account) -> String {
    match (&account.scan.enabled, &account.scan.regions) {
        (false, _) => "off".to_owned(),
        (true, None) => "all Regions".to_owned(),
        (true, Some(regions)) => regions.iter().map(Region::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Names in a row; `-` for none.
pub(crate) fn names<T: ToString>(names: &[T]) -> Cell {
    maybe((!names.is_empty()).then(|| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
}
