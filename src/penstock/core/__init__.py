"""The ground floor: errors, ids, clock, money, settings. Imports nothing of Penstock."""
