import helmet from 'helmet';

/**
 * Security headers of answers that are data. What helmet sets for documents besides (prefetching, downloads, plug-ins,
 * window openers) says nothing about JSON; a page that is served one day sets its own.
 */
export const secureAnswers = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});
