import type { ReactNode } from "react";
import classes from "./empty.module.css";
import { Icon, type IconName } from "./icons";

/** A place with nothing in it: says so, and what to do next. */
export function Empty({ title, icon, children }: { title: string; icon: IconName; children?: ReactNode }) {
  return (
    <div className={classes.root}>
      <span className={classes.icon}>
        <Icon name={icon} size={22} />
      </span>
      <p className={classes.title}>{title}</p>
      {children && <div className={classes.body}>{children}</div>}
    </div>
  );
}
