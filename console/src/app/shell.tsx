/** The frame of every page: rail, bar, page. Pages are drawn once the session is known. */

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { Failure } from "@/components/failure";
import { sessionQuery } from "@/lib/session";
import { Bar } from "./bar";
import { CommandPalette } from "./palette";
import { BottomNav, Rail } from "./rail";
import classes from "./shell.module.css";
import { ShortcutHelp, useGlobalShortcuts } from "./shortcuts";

export function Shell() {
  const { data: session, error, refetch } = useQuery(sessionQuery);
  const shortcuts = useGlobalShortcuts();
  if (!session) {
    return (
      <div className={classes.frame}>
        <div className={classes.rail} />
        <div className={classes.main}>
          <div className={classes.bar} />
          <main className={classes.page}>
            {error ? <Failure error={error} onRetry={() => void refetch()} /> : <Skeleton height={160} />}
          </main>
        </div>
      </div>
    );
  }
  return (
    <div className={classes.frame}>
      <a className={classes.skip} href="#page">
        Skip to the page
      </a>
      <Rail />
      <div className={classes.main}>
        <Bar onPalette={shortcuts.openPalette} onHelp={shortcuts.openHelp} />
        <main className={classes.page} id="page">
          <Outlet />
        </main>
      </div>
      <BottomNav />
      <CommandPalette
        opened={shortcuts.palette}
        onClose={shortcuts.closePalette}
        onHelp={shortcuts.openHelp}
      />
      <ShortcutHelp opened={shortcuts.help} onClose={shortcuts.closeHelp} />
    </div>
  );
}
