import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type RouterHistory, RouterProvider } from "@tanstack/react-router";
import { useState } from "react";
import { makeQueryClient } from "./query-client";
import { makeRouter } from "./router";
import { theme, variables } from "./theme";

const colorSchemes = localStorageColorSchemeManager({ key: "penstock-color-scheme" });

/** Router and cache of one page; an answer of 401 anywhere leads to the sign-in page and back. */
export function assemble(history?: RouterHistory): {
  router: ReturnType<typeof makeRouter>;
  client: QueryClient;
} {
  const router = makeRouter(history);
  const client = makeQueryClient(() => {
    const { pathname, href } = router.state.location;
    if (pathname !== "/signin") void router.navigate({ to: "/signin", search: { next: href } });
  });
  return { router, client };
}

/** `history` is the browser's own unless a test brings another. */
export function App({ history }: { history?: RouterHistory }) {
  const [{ router, client }] = useState(() => assemble(history));
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      colorSchemeManager={colorSchemes}
    >
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" autoClose={5000} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
