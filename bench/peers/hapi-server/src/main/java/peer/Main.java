package peer;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirPostgresDialect;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import com.zaxxer.hikari.HikariDataSource;
import jakarta.persistence.EntityManagerFactory;
import java.util.Properties;
import javax.sql.DataSource;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.elasticsearch.ElasticsearchRestClientAutoConfiguration;
import org.springframework.boot.autoconfigure.orm.jpa.HibernateJpaAutoConfiguration;
import org.springframework.boot.autoconfigure.quartz.QuartzAutoConfiguration;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/* The HAPI FHIR JPA server with its defaults on PostgreSQL: arguments are the JDBC URL and the port. */
@Configuration
@EnableAutoConfiguration(exclude = {ElasticsearchRestClientAutoConfiguration.class, HibernateJpaAutoConfiguration.class, QuartzAutoConfiguration.class})
@Import({JpaR4Config.class, HapiJpaConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class, SubscriptionChannelConfig.class, ThreadPoolFactoryConfig.class})
public class Main {
	static String url;

	public static void main(String[] args) {
		url = args[0];
		SpringApplication app = new SpringApplication(Main.class);
		app.setDefaultProperties(java.util.Map.of("server.port", args[1], "server.address", "127.0.0.1",
			"spring.main.allow-bean-definition-overriding", "true",
			"spring.flyway.enabled", "false", "spring.batch.job.enabled", "false", "spring.main.allow-circular-references", "true",
			"logging.level.root", "WARN", "server.tomcat.max-http-form-post-size", "100MB"));
		app.run();
		System.out.println("listening");
	}

	@Bean
	public DataSource dataSource() {
		HikariDataSource d = new HikariDataSource();
		d.setJdbcUrl(url);
		d.setMaximumPoolSize(16);
		return d;
	}

	@Bean public JpaStorageSettings jpaStorageSettings() { return new JpaStorageSettings(); }
	@Bean public PartitionSettings partitionSettings() { return new PartitionSettings(); }
	@Bean public SubscriptionSettings subscriptionSettings() { return new SubscriptionSettings(); }

	@Primary
	@Bean
	public LocalContainerEntityManagerFactoryBean entityManagerFactory(DataSource d, ConfigurableListableBeanFactory f, FhirContext c, JpaStorageSettings s) {
		LocalContainerEntityManagerFactoryBean bean = HapiEntityManagerFactoryUtil.newEntityManagerFactory(f, c, s);
		bean.setPersistenceUnitName("HAPI_PU");
		bean.setDataSource(d);
		Properties p = new Properties();
		p.put("hibernate.dialect", HapiFhirPostgresDialect.class.getName());
		p.put("hibernate.hbm2ddl.auto", "update");
		p.put("hibernate.jdbc.batch_size", "20");
		p.put("hibernate.cache.use_query_cache", "false");
		p.put("hibernate.cache.use_second_level_cache", "false");
		p.put("hibernate.cache.use_structured_entries", "false");
		p.put("hibernate.cache.use_minimal_puts", "false");
		p.put("hibernate.search.enabled", "false");
		bean.setJpaProperties(p);
		return bean;
	}

	@Primary
	@Bean
	public JpaTransactionManager transactionManager(EntityManagerFactory f) {
		JpaTransactionManager m = new JpaTransactionManager();
		m.setEntityManagerFactory(f);
		return m;
	}

	@Bean
	public ServletRegistrationBean<RestfulServer> fhir(FhirContext c, ResourceProviderFactory providers, JpaSystemProvider<?, ?> system, DatabaseBackedPagingProvider paging) {
		RestfulServer s = new RestfulServer(c);
		s.registerProviders(providers.createProviders());
		s.registerProvider(system);
		s.setPagingProvider(paging);
		s.setDefaultResponseEncoding(EncodingEnum.JSON);
		ServletRegistrationBean<RestfulServer> r = new ServletRegistrationBean<>(s, "/fhir/*");
		r.setLoadOnStartup(1);
		return r;
	}
}
