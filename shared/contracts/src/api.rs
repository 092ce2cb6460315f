//! What the HTTP API speaks, under `/v1`: requests and answers as the console, the CLI and scripts see them.
//!
//! | method and path | request | answer |
//! | --- | --- | --- |
//! | `GET /accounts`, `GET /accounts/{name}` | | [`Accounts`], [`AccountView`] |
//! | `GET /schedules`, `GET /schedules/{name}` | | [`Schedules`], [`ScheduleView`] |
//! | `GET /policies`, `GET /policies/{name}` | | [`Policies`], [`PolicyView`] |
//! | `POST /policies/{name}/enable`, `…/disable` | | [`PolicyView`] |
//! | `DELETE /accounts/{name}`, `/schedules/{name}`, `/policies/{name}` | | [`Applied`] |
//! | `GET /export` | | [`Document`](cpm_domain::document::Document) |
//! | `POST /plan` | [`PlanRequest`] | [`PlanView`] |
//! | `POST /apply` | [`ApplyRequest`] | [`Applied`] |
//! | `POST /policies/{name}/backups` | | 202 [`Started`] |
//! | `GET /policies/{name}/runs/{execution}` | | [`BackupRun`] |
//! | `GET /backups?policy=&status=&limit=&before=` | | [`BackupPage`] |
//! | `GET /backups/{id}` | | [`BackupView`] |
//! | `GET /freezer?words=`, `GET /freezer/{name}` | | [`FreezerList`], [`FrozenView`] |
//! | `POST /freezer` | [`FreezeRequest`] | [`FrozenView`] |
//! | `DELETE /freezer/{name}?afterwards=` | | [`Unfrozen`] |
//! | `POST /scans`, `POST /rebuild` | [`ScanRequest`], [`RebuildRequest`] | 202 [`Started`] |
//! | `GET /scans?limit=`, `GET /scans/{id}` | | [`ScanList`], [`ScanRun`] |
//! | `POST /cleanups` | [`CleanupRequest`] | 202 [`Started`] |
//! | `GET /cleanups/{execution}` | | [`CleanupRun`] |
//! | `GET /agents?policy=` | | [`AgentList`] |
//! | `GET /backups/{id}/recovery` | | [`PanelView`] |
//! | `POST /recoveries/plan` | [`RecoverRequest`] | [`Checked`](crate::recovery::Checked) |
//! | `POST /recoveries` | [`RecoverRequest`] | 202 [`RecoveryView`] |
//! | `GET /recoveries?policy=&limit=&before=`, `GET /recoveries/{id}` | | [`RecoveryList`], [`RecoveryView`] |
//! | `POST /recoveries/{id}/answer` | [`AnswerRequest`] | [`RecoveryView`] |
//! | `POST /images/like` | [`ImagesLike`](crate::recovery::ImagesLike) | [`ImagesFound`](crate::recovery::ImagesFound) |
//! | `POST /policies/{name}/drills` | | 202 [`DrillView`] |
//! | `GET /drills?policy=&limit=&before=`, `GET /drills/{id}` | | [`DrillList`], [`DrillView`] |
//! | `POST /scenarios/plan` | [`ScenarioRequest`] | [`ScenarioPlan`] |
//! | `POST /scenarios` | [`ScenarioRequest`] | 202 [`ScenarioView`] |
//! | `GET /scenarios?limit=&before=`, `GET /scenarios/{id}` | | [`ScenarioList`], [`ScenarioView`] |
//! | `GET /alerts`, `GET /audit?limit=&before=` | | [`AlertList`], [`AuditPage`] |
//! | `GET /resources/{region}/{id}/policies` | | [`ResourceView`] |
//! | `GET /openapi.json` | | the OpenAPI document |
//!
//! Every refusal is a [`Problem`] as `application/problem+json` (RFC 9457). Unknown fields of requests are refused.

mod agents;
mod backups;
mod configuration;
mod drills;
mod freezer;
mod problem;
mod recoveries;
mod runs;
mod scenarios;

pub use self::{
    agents::{AgentList, AgentView, MissingView},
    backups::{BackupPage, BackupSummary, BackupView, ScriptView, UnitView},
    configuration::{
        AccountView, Accounts, Applied, ApplyRequest, Attention, LastBackup, LastDrill, LastRecovery, PlanRequest,
        PlanView, Policies, PolicySummary, PolicyView, Readiness, ResourceView, ScheduleView, Schedules, SlotView,
        TargetView, WarningView,
    },
    drills::{CheckView, DrillList, DrillView, ExerciseView, RestoredView},
    freezer::{FreezeRequest, FreezerList, FrozenView, Unfrozen},
    problem::Problem,
    recoveries::{
        AnswerRequest, ErrorView, MadeView, PanelSource, PanelUnit, PanelView, RecoverRequest, RecoveryList,
        RecoveryView, WorkCount,
    },
    runs::{
        AlertList, AlertView, AuditPage, AuditView, BackupRun, CleanupRequest, CleanupRun, RebuildRequest, RunState,
        ScanList, ScanRequest, ScanRun, Started,
    },
    scenarios::{PlannedStep, ScenarioList, ScenarioPlan, ScenarioRequest, ScenarioStepView, ScenarioView},
};
