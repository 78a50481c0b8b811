//! The engine's suite: the same scenarios under every executor.
//!
//! No scenario names an executor. Time moves only when a scenario moves it, tasks are started
//! through the [`Tasks`], and [`engine_suite!`] makes a test of each scenario in the file that
//! includes this module. A scenario that is not in the list is dead code, and the compiler says so.
//!
//! [`Tasks`]: tokenflight_test::Tasks

pub(crate) mod clocks;
pub(crate) mod endings;
pub(crate) mod failures;
mod fixture;
pub(crate) mod flights;
pub(crate) mod lifetimes;
pub(crate) mod listening;
pub(crate) mod logins;
pub(crate) mod neighbours;
pub(crate) mod storing;
pub(crate) mod suspends;

/// Tests every scenario: `$run` takes functions from [`Tasks`](tokenflight_test::Tasks) to futures.
macro_rules! engine_suite {
    ($run:path) => {
        engine_suite! { $run;
            clocks: a_suspend_ends_the_flight_it_interrupted,
                    a_wall_clock_set_back_an_hour_makes_no_token_eternal,
                    a_wall_clock_set_forward_a_year_starts_no_storm,
                    a_suspend_past_the_expiry_is_noticed_without_a_driver;
            endings: a_login_elsewhere_lifts_the_end_once_the_store_is_read_again,
                    a_logout_elsewhere_ends_the_session_with_the_next_flight,
                    a_refusal_of_a_token_that_was_replaced_in_the_store_is_not_the_end,
                    an_end_is_told_once_and_costs_nothing_afterwards,
                    an_end_keeps_the_tokens_in_the_store,
                    only_a_login_lifts_an_end;
            failures: a_failure_is_not_repeated_before_its_waiting_time,
                    a_flight_that_never_answers_ends_ambiguous_at_the_limit,
                    a_login_lifts_the_waiting_time,
                    a_request_that_was_never_sent_leaves_no_doubt,
                    an_ambiguous_token_is_held_back_while_the_access_token_lasts,
                    an_answer_lost_within_a_grace_window_is_waited_out,
                    an_unsendable_access_token_does_not_cost_the_new_refresh_token,
                    an_unsendable_answer_that_cannot_be_stored_is_stored_later,
                    the_time_the_server_named_is_kept;
            flights: a_caller_joins_the_flight_of_the_driver,
                    a_forced_refresh_and_the_driver_share_one_flight,
                    a_late_refusal_costs_no_refresh,
                    a_refresh_abandoned_without_a_driver_is_finished_by_the_next_caller,
                    a_refresh_survives_all_its_waiters,
                    a_request_that_rested_before_it_was_sent_is_not_sent,
                    a_token_that_expired_before_it_was_fetched_is_not_handed_out,
                    a_waiter_that_leaves_disturbs_no_other,
                    a_waiter_that_wakes_late_gets_no_token_of_a_login_that_is_over,
                    a_waiter_that_wakes_late_gets_the_newest_token,
                    an_answer_that_came_while_no_task_polled_is_not_lost,
                    many_callers_cause_one_submission,
                    many_refusals_cause_one_submission;
            lifetimes: a_driver_withdraws_the_token_when_it_expires,
                    a_lifetime_of_one_second_costs_one_refresh_a_second,
                    a_lifetime_of_ten_years_is_renewed_once,
                    a_lifetime_of_zero_serves_those_who_waited_and_never_loops,
                    a_lifetime_shorter_than_the_lead_is_still_renewed_ahead,
                    a_lifetime_too_short_to_be_ahead_of_is_renewed_on_demand,
                    a_missing_lifetime_is_neither_eternal_nor_spent,
                    a_missing_refresh_token_keeps_the_old_one,
                    a_session_that_is_not_used_is_not_renewed_until_a_caller_waits_for_it,
                    a_token_in_its_lead_is_used_to_its_end_without_a_driver,
                    a_token_in_its_lead_is_used_at_once_while_the_driver_renews_it,
                    the_same_access_token_again_is_no_new_generation;
            listening: a_slow_reader_misses_events_and_blocks_no_caller,
                    a_watch_sees_the_last_of_many_changes,
                    events_come_in_the_order_of_what_happened;
            logins: a_flight_of_an_old_login_cannot_change_the_new_one,
                    a_flight_of_an_old_login_is_taken_to_its_end,
                    a_login_during_a_flight_keeps_the_new_tokens,
                    a_login_with_a_refresh_token_alone_has_its_first_token_obtained,
                    a_login_that_is_still_being_stored_cannot_overtake_a_logout,
                    a_login_that_is_still_being_stored_cannot_overtake_the_next_login,
                    a_logout_discards_what_the_flight_still_brings,
                    a_rotation_stored_before_the_new_epoch_is_not_published_in_it,
                    a_logout_waits_five_seconds_for_a_flight_and_no_longer,
                    no_caller_waits_across_a_login;
            neighbours: a_dead_neighbours_claim_is_waited_out,
                    a_wait_for_another_holder_is_told_after_a_second_and_until_when_it_lasts,
                    a_claim_that_stays_taken_is_never_ignored,
                    an_unpersisted_rotation_stops_the_neighbour_too,
                    two_processes_rotate_once,
                    what_a_neighbour_rotated_is_adopted_without_a_submission;
            storing: a_failed_write_publishes_and_is_repeated_by_the_driver,
                    a_failed_write_is_repeated_before_anything_is_presented,
                    a_shutdown_asks_a_failing_store_again,
                    a_store_that_is_down_stops_no_usable_token_and_starts_no_refresh,
                    a_write_that_seemed_to_fail_is_recognised,
                    tokens_of_another_issuer_are_neither_used_nor_presented,
                    a_write_that_takes_long_is_not_sent_again;
            suspends: a_request_after_a_suspend_has_the_living_token_or_waits_for_the_answer,
                    two_hundred_dark_wakes_present_nothing,
                    what_is_presented_after_a_suspend_in_the_middle_of_a_request_is_a_table;
        }
    };
    ($run:path; $($module:ident: $($scenario:ident),+ $(,)?;)+) => {
        $(mod $module {
            $(#[test]
            fn $scenario() {
                $run(crate::suite::$module::$scenario);
            })+
        })+
    };
}
pub(crate) use engine_suite;
