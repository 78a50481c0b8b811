//! Two servers on loopback that stand in for yours.
