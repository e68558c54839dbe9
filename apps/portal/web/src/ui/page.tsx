import { useEffect, useRef, type ReactNode } from 'react';
import { classes } from './classes.js';
import styles from './page.module.css';

let pagesShown = 0;

/** The title of a page. It takes focus after navigation, so that the page is read from its start. */
function PageTitle({ children, title }: { children: ReactNode; title: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · RebelCore`;
  }, [title]);
  useEffect(() => {
    pagesShown += 1;
    if (pagesShown > 1) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** A page inside the frame: title, what belongs beside it, content. */
export function Page({
  title,
  heading = title,
  aside,
  lead,
  children,
}: {
  title: string;
  heading?: ReactNode;
  aside?: ReactNode;
  lead?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div>
          <PageTitle title={title}>{heading}</PageTitle>
          {lead !== undefined && <p className={styles.lead}>{lead}</p>}
        </div>
        {aside}
      </header>
      {children}
    </div>
  );
}

/** A page by itself, before anybody is signed in: one column. */
export function Column({
  title,
  heading = title,
  lead,
  wide,
  children,
}: {
  title: string;
  heading?: ReactNode;
  lead?: ReactNode;
  /** For what has long lines. */
  wide?: boolean;
  children?: ReactNode;
}) {
  return (
    <main className={styles.columnPage}>
      <div className={classes(styles.column, wide && styles.wide)}>
        <p className={styles.brand} translate="no">
          RebelCore
        </p>
        <div className={styles.columnHead}>
          <PageTitle title={title}>{heading}</PageTitle>
          {lead !== undefined && <p className={styles.lead}>{lead}</p>}
        </div>
        {children}
      </div>
    </main>
  );
}
