import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './app/tokens.css';
import './app/base.css';
import { whenForbidden } from './api/client.js';
import { meQuery } from './api/me.js';
import { whenOverElsewhere } from './api/session-gate.js';
import { queryClient } from './app/query-client.js';
import { router } from './app/router.js';
import { applyTheme } from './app/theme.js';
import { Announcer } from './ui/announce.js';
import { listenForKeys } from './ui/keys.js';

applyTheme();
listenForKeys();
whenForbidden((code) => {
  if (code === 'session.enrolment-required') location.assign('/enrol');
  else void queryClient.invalidateQueries(meQuery);
});

whenOverElsewhere(() => void queryClient.invalidateQueries(meQuery));

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
// The page's policy refuses style elements; Base UI would add one.
createRoot(root).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Announcer />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
