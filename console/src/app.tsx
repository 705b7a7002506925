/**
 * From an address and a session to a screen: whoever is not signed in signs in and comes back to where they were, whoever
 * has a one-time password chooses their own, everybody else gets the shell and the screen.
 */
import { useEffect } from 'react';

import { keepSession } from './api/renewal.js';
import { useSession } from './api/session.js';
import { ToastHost } from './parts/toasts.js';
import { usePlace } from './router.js';
import { screenOf } from './shell/screens.js';
import { Shell } from './shell/shell.js';
import { ForcedPasswordChange } from './sign-in/password-screen.js';
import { SignInScreen } from './sign-in/sign-in-screen.js';

export function App() {
  const session = useSession();
  const { path } = usePlace();
  useEffect(() => keepSession(), []);
  if (session === undefined || path.startsWith('/sign-in')) return <SignInScreen />;
  if (session.mustChangePassword) return <ForcedPasswordChange />;
  const screen = screenOf(path);
  return (
    <ToastHost>
      <Shell>
        {/* Another tenant is another world: nothing of a screen's state crosses over. */}
        <div key={session.acting?.impersonationId ?? session.slug} className="screen">
          {screen}
        </div>
      </Shell>
    </ToastHost>
  );
}
