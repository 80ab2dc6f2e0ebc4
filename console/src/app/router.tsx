/** Every address of the console. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type RouterHistory,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { validateAlert, validateAlerts } from "@/features/alerts/search";
import { validateQueue, validateQueues } from "@/features/annotation/search";
import { validateCalibration, validateCalibrations } from "@/features/calibrations/search";
import { validateDashboard } from "@/features/dashboards/search";
import { validateDataset, validateDatasets } from "@/features/datasets/search";
import { validateExperiment, validateExperiments } from "@/features/experiments/search";
import { validateIncidents } from "@/features/incidents/search";
import { validateLimit, validateLimits } from "@/features/limits/search";
import { validatePlayground } from "@/features/playground/search";
import { validatePrompt, validatePrompts } from "@/features/prompts/search";
import { validateRegistered, validateRegistry } from "@/features/registry/search";
import { validateRoute, validateRoutes } from "@/features/routes/search";
import { validateSessions } from "@/features/sessions/search";
import { validateSignin } from "@/features/signin/search";
import { validateSlo, validateSlos } from "@/features/slos/search";
import { validateCompare, validateTrace, validateTraces } from "@/features/traces/search";
import { validateUsers } from "@/features/users/search";
import { SHARED_KEYS, validateShared } from "@/lib/address";
import { parseSearch, stringifySearch } from "@/lib/search-params";
import { NotFoundPage, RouteFailed } from "./failures";
import { Shell } from "./shell";

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: RouteFailed,
});

const signin = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  validateSearch: validateSignin,
  component: lazyRouteComponent(() => import("@/features/signin/page"), "SigninPage"),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  validateSearch: validateShared,
  search: { middlewares: [retainSearchParams([...SHARED_KEYS])] },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/overview", search: true, replace: true });
  },
});

const overview = createRoute({
  getParentRoute: () => app,
  path: "/overview",
  component: lazyRouteComponent(() => import("@/features/overview/page"), "OverviewPage"),
});

const traces = createRoute({
  getParentRoute: () => app,
  path: "/traces",
  validateSearch: validateTraces,
  component: lazyRouteComponent(() => import("@/features/traces/page"), "TracesPage"),
});

const trace = createRoute({
  getParentRoute: () => app,
  path: "/traces/$traceId",
  validateSearch: validateTrace,
  component: lazyRouteComponent(() => import("@/features/traces/detail/page"), "TracePage"),
});

const compare = createRoute({
  getParentRoute: () => app,
  path: "/traces/compare",
  validateSearch: validateCompare,
  component: lazyRouteComponent(() => import("@/features/traces/compare/page"), "ComparePage"),
});

const sessions = createRoute({
  getParentRoute: () => app,
  path: "/sessions",
  validateSearch: validateSessions,
  component: lazyRouteComponent(() => import("@/features/sessions/page"), "SessionsPage"),
});

const session = createRoute({
  getParentRoute: () => app,
  path: "/sessions/$session",
  component: lazyRouteComponent(() => import("@/features/sessions/detail/page"), "SessionPage"),
});

const users = createRoute({
  getParentRoute: () => app,
  path: "/users",
  validateSearch: validateUsers,
  component: lazyRouteComponent(() => import("@/features/users/page"), "UsersPage"),
});

const user = createRoute({
  getParentRoute: () => app,
  path: "/users/$user",
  component: lazyRouteComponent(() => import("@/features/users/detail/page"), "UserPage"),
});

const dashboards = createRoute({
  getParentRoute: () => app,
  path: "/dashboards",
  component: lazyRouteComponent(() => import("@/features/dashboards/page"), "DashboardsPage"),
});

const dashboard = createRoute({
  getParentRoute: () => app,
  path: "/dashboards/$dashboard",
  validateSearch: validateDashboard,
  component: lazyRouteComponent(() => import("@/features/dashboards/detail/page"), "DashboardPage"),
});

const alerts = createRoute({
  getParentRoute: () => app,
  path: "/alerts",
  validateSearch: validateAlerts,
  component: lazyRouteComponent(() => import("@/features/alerts/page"), "AlertsPage"),
});

const alert = createRoute({
  getParentRoute: () => app,
  path: "/alerts/$rule",
  validateSearch: validateAlert,
  component: lazyRouteComponent(() => import("@/features/alerts/detail/page"), "AlertPage"),
});

const slos = createRoute({
  getParentRoute: () => app,
  path: "/slos",
  validateSearch: validateSlos,
  component: lazyRouteComponent(() => import("@/features/slos/page"), "SlosPage"),
});

const slo = createRoute({
  getParentRoute: () => app,
  path: "/slos/$slo",
  validateSearch: validateSlo,
  component: lazyRouteComponent(() => import("@/features/slos/detail/page"), "SloPage"),
});

const incidents = createRoute({
  getParentRoute: () => app,
  path: "/incidents",
  validateSearch: validateIncidents,
  component: lazyRouteComponent(() => import("@/features/incidents/page"), "IncidentsPage"),
});

const incident = createRoute({
  getParentRoute: () => app,
  path: "/incidents/$incident",
  component: lazyRouteComponent(() => import("@/features/incidents/detail/page"), "IncidentPage"),
});

const data = createRoute({
  getParentRoute: () => app,
  path: "/data",
  component: lazyRouteComponent(() => import("@/features/data/page"), "DataPage"),
});

const datasets = createRoute({
  getParentRoute: () => app,
  path: "/datasets",
  validateSearch: validateDatasets,
  component: lazyRouteComponent(() => import("@/features/datasets/page"), "DatasetsPage"),
});

const dataset = createRoute({
  getParentRoute: () => app,
  path: "/datasets/$dataset",
  validateSearch: validateDataset,
  component: lazyRouteComponent(() => import("@/features/datasets/detail/page"), "DatasetPage"),
});

const experiments = createRoute({
  getParentRoute: () => app,
  path: "/experiments",
  validateSearch: validateExperiments,
  component: lazyRouteComponent(() => import("@/features/experiments/page"), "ExperimentsPage"),
});

const experiment = createRoute({
  getParentRoute: () => app,
  path: "/experiments/$experiment",
  validateSearch: validateExperiment,
  component: lazyRouteComponent(() => import("@/features/experiments/detail/page"), "ExperimentPage"),
});

const calibrations = createRoute({
  getParentRoute: () => app,
  path: "/calibrations",
  validateSearch: validateCalibrations,
  component: lazyRouteComponent(() => import("@/features/calibrations/page"), "CalibrationsPage"),
});

const calibration = createRoute({
  getParentRoute: () => app,
  path: "/calibrations/$name",
  validateSearch: validateCalibration,
  component: lazyRouteComponent(() => import("@/features/calibrations/detail/page"), "CalibrationPage"),
});

const annotation = createRoute({
  getParentRoute: () => app,
  path: "/annotation",
  validateSearch: validateQueues,
  component: lazyRouteComponent(() => import("@/features/annotation/page"), "AnnotationPage"),
});

const queue = createRoute({
  getParentRoute: () => app,
  path: "/annotation/$queue",
  validateSearch: validateQueue,
  component: lazyRouteComponent(() => import("@/features/annotation/detail/page"), "QueuePage"),
});

const labelling = createRoute({
  getParentRoute: () => app,
  path: "/annotation/$queue/label",
  component: lazyRouteComponent(() => import("@/features/annotation/label/page"), "LabelPage"),
});

const prompts = createRoute({
  getParentRoute: () => app,
  path: "/prompts",
  validateSearch: validatePrompts,
  component: lazyRouteComponent(() => import("@/features/prompts/page"), "PromptsPage"),
});

const prompt = createRoute({
  getParentRoute: () => app,
  path: "/prompts/$name",
  validateSearch: validatePrompt,
  component: lazyRouteComponent(() => import("@/features/prompts/detail/page"), "PromptPage"),
});

const playground = createRoute({
  getParentRoute: () => app,
  path: "/playground",
  validateSearch: validatePlayground,
  component: lazyRouteComponent(() => import("@/features/playground/page"), "PlaygroundPage"),
});

const registry = createRoute({
  getParentRoute: () => app,
  path: "/registry",
  validateSearch: validateRegistry,
  component: lazyRouteComponent(() => import("@/features/registry/page"), "RegistryPage"),
});

const registered = createRoute({
  getParentRoute: () => app,
  path: "/registry/$kind/$name",
  validateSearch: validateRegistered,
  component: lazyRouteComponent(() => import("@/features/registry/detail"), "RegisteredPage"),
});

const routes = createRoute({
  getParentRoute: () => app,
  path: "/routes",
  validateSearch: validateRoutes,
  component: lazyRouteComponent(() => import("@/features/routes/page"), "RoutesPage"),
});

const route = createRoute({
  getParentRoute: () => app,
  path: "/routes/$name",
  validateSearch: validateRoute,
  component: lazyRouteComponent(() => import("@/features/routes/detail/page"), "RoutePage"),
});

const limits = createRoute({
  getParentRoute: () => app,
  path: "/limits",
  validateSearch: validateLimits,
  component: lazyRouteComponent(() => import("@/features/limits/page"), "LimitsPage"),
});

const limit = createRoute({
  getParentRoute: () => app,
  path: "/limits/$name",
  validateSearch: validateLimit,
  component: lazyRouteComponent(() => import("@/features/limits/detail/page"), "LimitPage"),
});

const health = createRoute({
  getParentRoute: () => app,
  path: "/health",
  component: lazyRouteComponent(() => import("@/features/health/page"), "HealthPage"),
});

const cache = createRoute({
  getParentRoute: () => app,
  path: "/cache",
  component: lazyRouteComponent(() => import("@/features/cache/page"), "CachePage"),
});

const models = createRoute({
  getParentRoute: () => app,
  path: "/models",
  component: lazyRouteComponent(() => import("@/features/models/page"), "ModelsPage"),
});

const keys = createRoute({
  getParentRoute: () => app,
  path: "/keys",
  component: lazyRouteComponent(() => import("@/features/keys/page"), "KeysPage"),
});

const secrets = createRoute({
  getParentRoute: () => app,
  path: "/secrets",
  component: lazyRouteComponent(() => import("@/features/secrets/page"), "SecretsPage"),
});

export const routeTree = root.addChildren([
  signin,
  app.addChildren([
    home,
    overview,
    traces,
    compare,
    trace,
    sessions,
    session,
    users,
    user,
    dashboards,
    dashboard,
    alerts,
    alert,
    slos,
    slo,
    incidents,
    incident,
    data,
    datasets,
    dataset,
    experiments,
    experiment,
    annotation,
    calibrations,
    calibration,
    queue,
    labelling,
    prompts,
    prompt,
    playground,
    registry,
    registered,
    routes,
    route,
    limits,
    limit,
    health,
    cache,
    models,
    keys,
    secrets,
  ]),
]);

/** `history` is the browser's own unless a test brings another. */
export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree,
    history,
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultNotFoundComponent: NotFoundPage,
    scrollRestoration: true,
    // Names of the registry have colons for their slashes.
    pathParamsAllowedCharacters: [":"],
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
