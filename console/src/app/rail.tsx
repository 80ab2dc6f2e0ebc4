import { Menu } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { api, setCsrfToken } from "@/api/client";
import { Icon, Mark } from "@/components/icons";
import { useAddress } from "@/lib/address";
import { useSignedIn } from "@/lib/session";
import { FIRST_PAGES, PAGES } from "./pages";
import classes from "./shell.module.css";

export function Rail() {
  const { session } = useSignedIn();
  return (
    <nav className={classes.rail} aria-label="Pages">
      <Link to="/overview" className={classes.brand}>
        <Mark /> Penstock
      </Link>
      <ProjectSwitcher />
      {PAGES.map((page) => (
        <Link key={page.to} to={page.to} className={classes.link} search={{}}>
          <Icon name={page.icon} /> {page.label}
        </Link>
      ))}
      <div className={classes.push} />
      <Account />
      <div className={classes.foot}>v{session.version}</div>
    </nav>
  );
}

export function BottomNav() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const navigate = useNavigate();
  const others = PAGES.filter((page) => !FIRST_PAGES.includes(page.to));
  const among = others.find((page) => path.startsWith(page.to));
  return (
    <nav className={classes.bottom} aria-label="Pages">
      {PAGES.filter((page) => FIRST_PAGES.includes(page.to)).map((page) => (
        <Link key={page.to} to={page.to} search={{}}>
          <Icon name={page.icon} size={18} /> {page.label}
        </Link>
      ))}
      <Menu position="top-end" width={180}>
        <Menu.Target>
          <button type="button" data-status={among ? "active" : undefined} aria-label="More pages">
            <Icon name={among?.icon ?? "menu"} size={18} /> {among?.label ?? "More"}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {others.map((page) => (
            <Menu.Item
              key={page.to}
              leftSection={<Icon name={page.icon} size={15} />}
              onClick={() => void navigate({ to: page.to, search: {} })}
            >
              {page.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}

export function ProjectSwitcher() {
  const { session, project } = useSignedIn();
  const { setProject } = useAddress();
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <button type="button" className={classes.project} aria-label={`Project: ${project.name}`}>
          <Icon name="folder" size={14} />
          <span className="cut">{project.name}</span>
          <Icon name="down" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Projects</Menu.Label>
        {session.projects.map((one) => (
          <Menu.Item
            key={one.id}
            onClick={() => setProject(one.id === session.default_project ? undefined : one.name)}
            rightSection={one.id === project.id ? <Icon name="check" size={14} /> : null}
          >
            {one.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Who is signed in; signs out. */
export function Account() {
  const { session } = useSignedIn();
  const { signOut } = useSignOut();
  const name = session.user?.name ?? session.key?.name ?? "signed in";
  return (
    <Menu position="top-start" width={200}>
      <Menu.Target>
        <button
          type="button"
          className={classes.project}
          style={{ border: 0, background: "none", marginBottom: 0 }}
        >
          <span className="cut">
            {name} <span className="faint">{session.role}</span>
          </span>
          <Icon name="up" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void signOut()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function useSignOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    await api.DELETE("/api/v1/session");
    setCsrfToken(null);
    await navigate({ to: "/signin", search: { next: undefined } });
    client.clear();
  };
  return { signOut };
}
